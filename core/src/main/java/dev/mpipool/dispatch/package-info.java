/**
 * Main's side of a pool: the queue of tasks, which worker gets which, and what becomes of their
 * futures.
 *
 * <p>Meets the workers' side in {@link dev.mpipool.protocol} and {@link dev.mpipool.serial} only.
 */
package dev.mpipool.dispatch;
