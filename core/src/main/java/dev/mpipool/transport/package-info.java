/**
 * What moves messages between the ranks of a job. A {@link dev.mpipool.transport.Transport} is one
 * rank's end of it; {@link dev.mpipool.transport.TransportProvider}s are found by {@link
 * java.util.ServiceLoader} and know the launchers and libraries of one MPI each. Matching,
 * collective calls and communicators are built on a transport in {@code dev.mpipool.comm}.
 */
package dev.mpipool.transport;
