package dev.mpipool.transport;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BiConsumer;

/**
 * Where ranks that are threads of one JVM hand each other messages: MPJ Express's own device for
 * them takes some twenty microseconds for each. The launcher lets all ranks share this class,
 * though each has its own of every other; so only the JDK's types pass here, and this class uses no
 * other of the product.
 */
public final class RankQueues {

  private static final Map<Long, BlockingQueue<Object[]>> QUEUES = new ConcurrentHashMap<>();

  /** By context, receiver, sender and tag. */
  private static final Map<List<Integer>, BlockingQueue<Object[]>> STRAIGHT =
      new ConcurrentHashMap<>();

  private static final Map<Integer, String> EXITED = new LinkedHashMap<>();
  private static final List<BiConsumer<Integer, String>> LISTENERS = new ArrayList<>();

  private RankQueues() {}

  /**
   * A rank has exited without ending MPI, and takes nothing any more; for the launcher.
   *
   * @param worldRank which
   * @param reason how, for people
   */
  public static void rankExited(int worldRank, String reason) {
    List<BiConsumer<Integer, String>> told;
    synchronized (EXITED) {
      EXITED.put(worldRank, reason);
      told = List.copyOf(LISTENERS);
    }
    told.forEach(listener -> listener.accept(worldRank, reason));
  }

  /**
   * Registers a listener for ranks that exit, which also hears of those that have.
   *
   * @param listener gets the world rank and the reason
   */
  public static void onRankExited(BiConsumer<Integer, String> listener) {
    Map<Integer, String> before;
    synchronized (EXITED) {
      LISTENERS.add(listener);
      before = Map.copyOf(EXITED);
    }
    before.forEach(listener);
  }

  /**
   * Whether the ranks of this JVM share this class, so that what one puts here another finds.
   *
   * @param ofRank a class that each rank has for itself
   * @return false where ranks are processes, and where another launcher has made the class loaders
   */
  public static boolean areSharedWith(Class<?> ofRank) {
    return RankQueues.class.getClassLoader() != ofRank.getClassLoader();
  }

  /**
   * The messages to one rank on one communicator, in the order in which they were sent. It is there
   * from the first call of anybody.
   *
   * @param context of the communicator
   * @param worldRank who takes from it
   * @return a queue without bounds
   */
  public static BlockingQueue<Object[]> queue(int context, int worldRank) {
    return QUEUES.computeIfAbsent(key(context, worldRank), key -> new LinkedBlockingQueue<>());
  }

  /**
   * The messages from one rank to another whose receiver knows where they go. It is there from the
   * first call of either.
   *
   * @param context of the communicator
   * @param from the world rank of the sender
   * @param to the world rank of the receiver, who takes from it
   * @param tag as both name it
   * @return a queue without bounds
   */
  public static BlockingQueue<Object[]> straight(int context, int from, int to, int tag) {
    return STRAIGHT.computeIfAbsent(
        List.of(context, to, from, tag), key -> new LinkedBlockingQueue<>());
  }

  /**
   * Forgets what is for a rank, when it has closed the communicator.
   *
   * @param context of the communicator
   * @param worldRank who took
   */
  public static void forget(int context, int worldRank) {
    QUEUES.remove(key(context, worldRank));
    List<Integer> its = List.of(context, worldRank);
    STRAIGHT.keySet().removeIf(key -> key.subList(0, 2).equals(its));
  }

  private static long key(int context, int worldRank) {
    return (long) context << Integer.SIZE | worldRank;
  }
}
