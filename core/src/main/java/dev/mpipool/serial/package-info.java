/**
 * Objects into bytes and back: tasks, arguments and results, and, if one cannot travel, the place
 * in it and the reason.
 *
 * <p>Knows nothing of frames, ranks or pools.
 */
package dev.mpipool.serial;
