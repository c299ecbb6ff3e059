/**
 * A worker's side of a pool: takes tasks, runs them, answers.
 *
 * <p>Meets main's side in {@link dev.mpipool.protocol} and {@link dev.mpipool.serial} only.
 */
package dev.mpipool.worker;
