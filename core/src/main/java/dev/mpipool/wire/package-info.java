/**
 * What a message between main and a worker looks like: frames of entries, tasks and results as
 * bytes.
 *
 * <p>Main's side and the workers' side meet here and know nothing else of each other. Uses comm
 * only.
 */
package dev.mpipool.wire;
