/**
 * Communicators: numbered ranks that exchange bytes and make collective calls.
 *
 * <p>Programs use {@link dev.mpipool.comm.Communicator}. {@link
 * dev.mpipool.comm.MessageCommunicator} implements it on top of a {@link
 * dev.mpipool.transport.Transport}, which moves the messages.
 */
package dev.mpipool.comm;
