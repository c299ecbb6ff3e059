/**
 * Communicators: numbered ranks that send each other bytes and meet in collective calls.
 *
 * <p>This is the lowest room of the library. {@link dev.mpipool.comm.Communicator} is its face;
 * where the messages really travel is decided by the class behind it.
 */
package dev.mpipool.comm;
