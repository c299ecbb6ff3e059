/**
 * Batches: sends elements of the user's iterables in chunks, which are tasks of the dispatcher, and
 * collects the results. Uses {@link dev.mpipool.dispatch}, which does not depend on batches.
 */
package dev.mpipool.batch;
