/**
 * {@code map} over a cluster's batch queue: Grid Engine, Slurm, or processes of this machine.
 *
 * <p>{@link dev.mpipool.queue.QueuePool} is what programs use; a {@link
 * dev.mpipool.queue.Scheduler} is what it submits to.
 */
package dev.mpipool.queue;
