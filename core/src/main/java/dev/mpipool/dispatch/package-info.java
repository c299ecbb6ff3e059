/**
 * Main's side of a pool: queues tasks, assigns them to workers, and completes their futures.
 *
 * <p>Shares only {@link dev.mpipool.protocol} and {@link dev.mpipool.serial} with the workers'
 * side.
 */
package dev.mpipool.dispatch;
