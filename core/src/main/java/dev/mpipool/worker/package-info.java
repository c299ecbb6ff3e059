/**
 * A worker's side of a pool: receives tasks, runs them, and answers.
 *
 * <p>Shares only {@link dev.mpipool.protocol} and {@link dev.mpipool.serial} with main's side.
 */
package dev.mpipool.worker;
