/**
 * Batches: elements of the user's iterables share chunks, which are tasks of the dispatcher, and
 * come back as results. Stands on {@link dev.mpipool.dispatch}, which knows nothing of batches.
 */
package dev.mpipool.batch;
