/**
 * For programs in which every rank takes part: numbers that each node holds once ({@code
 * MPIShared}), a mutex over all ranks ({@code MPILock}), and a list of tasks that groups of ranks
 * work through ({@code MPIBatch}). MPIShared}), a mutex over all ranks ({@code MPILock}), and a
 * list of tasks that groups of ranks work through ({@code MPIBatch}).
 *
 * <p>All of them take a {@link dev.mpipool.comm.Communicator}, or null for this process alone, and
 * talk on a duplicate of it, so their messages never meet the program's. Calls that are collective
 * say so; when ranks give them arguments that do not fit together, every rank gets an exception.
 */
package dev.mpipool.shared;
