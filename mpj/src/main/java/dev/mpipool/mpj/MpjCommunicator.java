package dev.mpipool.mpj;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.MessageCommunicator;
import java.util.IdentityHashMap;
import java.util.Objects;
import java.util.stream.IntStream;
import mpi.Group;
import mpi.Intracomm;
import mpi.MPI;

/** Communicators over those that a program has made with MPJ Express. */
public final class MpjCommunicator {

  /** Of the numbers of contexts, those for MPJ Express's own communicators. */
  private static final long CONTEXTS = 0x7fff_0000_0000L;

  private static final IdentityHashMap<Intracomm, MessageCommunicator> KNOWN =
      new IdentityHashMap<>();

  private MpjCommunicator() {}

  /**
   * The communicator of the same ranks as one of MPJ Express's own, for programs that split theirs.
   * Not collective. Messages on the one never meet those on the other.
   *
   * @param intracomm of which this process is a member, after {@code MPI.Init}
   * @return the same at every call with the same argument, until it is closed
   */
  public static Communicator of(Intracomm intracomm) {
    Objects.requireNonNull(intracomm, "intracomm");
    Communicator world = Communicator.world();
    if (intracomm == MPI.COMM_WORLD) {
      return world;
    }
    synchronized (KNOWN) {
      KNOWN.values().removeIf(known -> !known.isOpen());
      return KNOWN.computeIfAbsent(intracomm, made -> make((MessageCommunicator) world, made));
    }
  }

  private static MessageCommunicator make(MessageCommunicator world, Intracomm intracomm) {
    int[] mine = IntStream.range(0, intracomm.Size()).toArray();
    int[] ranks = Group.Translate_ranks(intracomm.Group(), mine, MPI.COMM_WORLD.Group());
    long number = Integer.toUnsignedLong(intracomm.mpjdevComm.recvctxt);
    return world.part(CONTEXTS | number, ranks);
  }
}
