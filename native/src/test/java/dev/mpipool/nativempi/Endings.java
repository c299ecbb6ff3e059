package dev.mpipool.nativempi;

import dev.mpipool.transport.Receiver;
import dev.mpipool.transport.Transport;
import java.nio.ByteBuffer;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * A rank that ends in some way: {@code Endings WAY RANK [EXIT CODE]}. The rank does what its name
 * says; the others wait for messages, which they answer, until they are ended. Rank 0 exits with 4
 * when it hears that another is lost.
 */
public final class Endings {

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final Semaphore ANSWERS = new Semaphore(0);

  private Endings() {}

  public static void main(String[] args) throws Exception {
    Transport transport = Ranks.join();
    int code = args.length < 3 ? 0 : Integer.parseInt(args[2]);
    transport.start(answering(transport));
    if (transport.rank() == 0 && !args[0].startsWith("all")) {
      transport.onRankLost(Endings::exitWithoutRank);
    }
    Ranks.tellPid(transport); // before an answer makes another rank end the job
    startPolling(transport);
    if (args[0].equals("all-finish")) {
      transport.finish(false);
      return;
    }
    if (args[0].equals("all-return")) {
      return;
    }
    if (transport.rank() != Integer.parseInt(args[1])) {
      if (args[0].equals("finish-last")) {
        transport.finish(false);
        return;
      }
      Thread.sleep(TimeUnit.HOURS.toMillis(1));
    }
    if (!args[0].equals("finish-last")) {
      ask(transport); // all are there
    }
    switch (args[0]) {
      case "return" -> {}
      case "throw" -> throw new IllegalStateException("thrown on purpose");
      case "exit" -> System.exit(code);
      case "halt" -> Runtime.getRuntime().halt(code);
      case "abort" -> transport.abort(code);
      case "finish-alone" -> {
        transport.finish(true);
        System.exit(code);
      }
      case "finish-last" -> {
        Thread.sleep(2_000);
        transport.finish(false);
        System.exit(code);
      }
      case "exit-with-hook" -> {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> askInHook(transport)));
        System.exit(code);
      }
      default -> throw new IllegalArgumentException(args[0]);
    }
  }

  private static void exitWithoutRank(int rank, String reason) {
    System.out.println("rank " + rank + " is lost: " + reason);
    new Thread(() -> System.exit(4)).start();
  }

  /** Other ranks send a question back; to the rank that asked it is the answer. */
  private static Receiver answering(Transport transport) {
    return new Receiver() {
      @Override
      public void received(
          int source, long context, int tag, ByteBuffer data, byte[] attachment, int missing) {
        if (tag == 0) {
          ANSWERS.release();
        } else {
          transport.send(source, context, 0, NOTHING, NOTHING);
        }
      }

      @Override
      public void broken(String reason) {
        throw new IllegalStateException(reason);
      }
    };
  }

  private static void startPolling(Transport transport) {
    Thread thread =
        new Thread(
            () -> {
              while (true) {
                transport.poll(TimeUnit.SECONDS.toNanos(1));
              }
            });
    thread.setUncaughtExceptionHandler((polling, e) -> {}); // MPI has ended
    thread.setDaemon(true);
    thread.start();
  }

  private static void ask(Transport transport) {
    for (int other = 0; other < transport.size(); other++) {
      if (other != transport.rank()) {
        transport.send(other, 0, 1, NOTHING, NOTHING);
      }
    }
    ANSWERS.acquireUninterruptibly(transport.size() - 1);
  }

  private static void askInHook(Transport transport) {
    try {
      Thread.sleep(1_000); // the hook of the transport has run by now
      ask(transport);
      System.out.println("answered in a hook");
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
