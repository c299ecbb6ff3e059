/**
 * Communicators: numbered ranks that send each other bytes and meet in collective calls.
 *
 * <p>Programs use {@link dev.mpipool.comm.Communicator}. {@link
 * dev.mpipool.comm.MessageCommunicator} implements it on top of a {@link
 * dev.mpipool.transport.Transport}, which moves the messages.
 */
package dev.mpipool.comm;
