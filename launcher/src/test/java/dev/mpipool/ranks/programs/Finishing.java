package dev.mpipool.ranks.programs;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.comm.Communicator;
import dev.mpipool.shared.MPILock;
import java.io.FileNotFoundException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import mpi.MPI;

/** Ranks that end MPI in a finally block, while others wait for them. */
public final class Finishing {

  /** A message for which its sender waits for the receiver. */
  private static final int LONG = 4 << 20;

  private Finishing() {}

  public static void main(String[] args) throws Exception {
    boolean begunByProgram = args[args.length - 1].equals("mpi");
    String[] own = begunByProgram ? MPI.Init(args) : MPIRuntime.init(args);
    try {
      useRanks();
      int rank = Communicator.world().rank();
      MPILock lock = own[1].equals("held") ? new MPILock(Communicator.world()) : null;
      if (Integer.toString(rank).equals(own[0])) {
        if (lock != null) {
          lock.lock();
          tellOthers();
        }
        throw new SlowToPrint("input of rank " + rank);
      }
      switch (own[1]) {
        case "pool", "mpi" -> useRanks();
        case "lock" -> new MPILock(Communicator.world()).close();
        case "held" -> takeAndReceive(lock, Integer.parseInt(own[0]));
        case "send" -> sendAndReceive(Integer.parseInt(own[0]));
        case "broadcast" -> broadcastAndReceive(Integer.parseInt(own[0]));
        case "duplicate" -> Communicator.world().duplicate().close();
        default -> throw new IllegalArgumentException(own[1]);
      }
      System.out.println("not to be reached");
    } finally {
      MPIRuntime.finish();
    }
  }

  /** On a busy machine others that it makes fail may be faster to print their exceptions. */
  private static final class SlowToPrint extends FileNotFoundException {
    private static final long serialVersionUID = 1L;

    SlowToPrint(String message) {
      super(message);
    }

    @Override
    public String getMessage() {
      pause();
      return super.getMessage();
    }

    @Override
    public StackTraceElement[] getStackTrace() {
      pause();
      return super.getStackTrace();
    }

    private static void pause() {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
    }
  }

  private static void tellOthers() {
    Communicator world = Communicator.world();
    for (int other = 0; other < world.size(); other++) {
      if (other != world.rank()) {
        world.send(other, 1, ByteBuffer.allocate(0));
      }
    }
  }

  private static void takeAndReceive(MPILock lock, int other) {
    Communicator.world().receive(other, 1);
    try (MPILock.Held held = lock.hold()) {
      if (held.ownerDied()) { // the next after it
        System.out.println("told");
      }
    }
    Communicator.world().receive(other, 1);
  }

  private static void sendAndReceive(int other) {
    Communicator.world().send(other, 1, ByteBuffer.allocate(LONG));
    Communicator.world().receive(other, 1);
  }

  private static void broadcastAndReceive(int other) {
    int root = (other + 1) % Communicator.world().size();
    Communicator.world().broadcast(new byte[LONG], root);
    Communicator.world().receive(other, 1);
  }

  private static void useRanks() {
    try (MPIExecutor executor = new MPIExecutor()) {
      if (executor.isMain()) {
        System.out.println(executor.map(x -> x + 1, List.of(1, 2, 3)).toList());
      }
    }
  }
}
