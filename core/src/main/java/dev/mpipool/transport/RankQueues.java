package dev.mpipool.transport;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;

/**
 * The queues through which ranks that are threads of one JVM hand each other messages.
 *
 * <p>The launcher lets all ranks of its JVM share this class, though each has its own of every
 * other; so only the JDK's types pass here, and this class uses no other of the product.
 */
public final class RankQueues {

  /** Of the ranks that the launcher has started as threads of this JVM. */
  private static final RankQueues OF_PROCESS = new RankQueues();

  /** The ranks of this JVM by the class loader that each has for itself: its number. */
  private static final Map<ClassLoader, Integer> RANKS = new ConcurrentHashMap<>();

  private static volatile int count;

  private final Map<Integer, BlockingQueue<Object[]>> messages = new ConcurrentHashMap<>();

  /** By receiver, context, sender and tag. */
  private final Map<List<Long>, BlockingQueue<Object[]>> direct = new ConcurrentHashMap<>();

  private final Map<Integer, String> exited = new LinkedHashMap<>();
  private final List<BiConsumer<Integer, String>> listeners = new ArrayList<>();

  /** The number of ranks, once one has left. */
  private int expected;

  /** The last action of each rank that has left. */
  private final Map<Integer, Runnable> left = new LinkedHashMap<>();

  /** Ranks that have begun to take messages, and have not finished. */
  private final Map<Integer, Boolean> open = new ConcurrentHashMap<>();

  /** Creates queues for ranks that know each other by them. */
  public RankQueues() {}

  /**
   * The queues of the ranks that the launcher has started in this JVM.
   *
   * @return always the same
   */
  public static RankQueues ofProcess() {
    return OF_PROCESS;
  }

  /**
   * Tells which ranks this JVM has; for the launcher, before any of them begins.
   *
   * @param loaders the class loader of each rank, by rank
   */
  public static void setRanks(List<? extends ClassLoader> loaders) {
    count = loaders.size();
    for (int rank = 0; rank < loaders.size(); rank++) {
      RANKS.put(loaders.get(rank), rank);
    }
  }

  /**
   * How many ranks the launcher has started in this JVM.
   *
   * @return 0 where ranks are processes, and where another launcher has started them
   */
  public static int count() {
    return count;
  }

  /**
   * The rank that a class belongs to.
   *
   * @param ofRank a class that each rank has for itself
   * @return its number; -1 if it belongs to none
   */
  public static int rankOf(Class<?> ofRank) {
    return RANKS.getOrDefault(ofRank.getClassLoader(), -1);
  }

  /**
   * The messages to one rank, in the order in which they were sent. It is there from the first call
   * of any rank.
   *
   * @param rank the receiver
   * @return a queue without bounds
   */
  public BlockingQueue<Object[]> messages(int rank) {
    return messages.computeIfAbsent(rank, key -> new LinkedBlockingQueue<>());
  }

  /**
   * The messages from one rank to another whose receiver knows where they go. It is there from the
   * first call of either.
   *
   * @param context as both name it
   * @param from the sender
   * @param to the receiver
   * @param tag as both name it
   * @return a queue without bounds
   */
  public BlockingQueue<Object[]> direct(long context, int from, int to, int tag) {
    return direct.computeIfAbsent(
        List.of((long) to, context, (long) from, (long) tag), key -> new LinkedBlockingQueue<>());
  }

  /**
   * Forgets the direct messages of a context to a rank.
   *
   * @param context that the rank uses no more
   * @param rank the receiver
   */
  public void forget(long context, int rank) {
    if (!direct.isEmpty()) {
      List<Long> its = List.of((long) rank, context);
      direct.keySet().removeIf(key -> key.subList(0, 2).equals(its));
    }
  }

  /**
   * Notes that a rank takes part, or does not any more.
   *
   * @param rank which
   * @param takesPart whether it takes part from now on
   */
  public void setOpen(int rank, boolean takesPart) {
    open.put(rank, takesPart);
  }

  /**
   * Whether a rank takes part.
   *
   * @param rank which
   * @return true from its start to its finish
   */
  public boolean isOpen(int rank) {
    return open.getOrDefault(rank, false);
  }

  /**
   * Whether a rank has ever taken part.
   *
   * @param rank which
   * @return true from its start on
   */
  public boolean hasJoined(int rank) {
    return open.containsKey(rank);
  }

  /**
   * Notes that a rank does not take part any more.
   *
   * @param rank which
   * @param size how many ranks there are
   * @param last runs on any thread once all ranks have left, exited or ended
   */
  public void leave(int rank, int size, Runnable last) {
    setOpen(rank, false);
    List<Runnable> due;
    synchronized (exited) {
      left.put(rank, last);
      expected = size;
      due = lastActions();
    }
    due.forEach(Runnable::run);
  }

  /**
   * Notes that a rank has ended, whether or not it has ever taken part.
   *
   * @param rank which
   */
  public void ended(int rank) {
    List<Runnable> due;
    synchronized (exited) {
      left.putIfAbsent(rank, () -> {});
      due = lastActions();
    }
    due.forEach(Runnable::run);
  }

  /** The actions of the ranks that have left, once no other rank remains. */
  private List<Runnable> lastActions() {
    boolean allGone =
        IntStream.range(0, expected)
            .allMatch(rank -> left.containsKey(rank) || exited.containsKey(rank));
    return allGone ? List.copyOf(left.values()) : List.of();
  }

  /**
   * Whether a rank has left.
   *
   * @param rank which
   * @return true after {@link #leave}
   */
  public boolean hasLeft(int rank) {
    synchronized (exited) {
      return left.containsKey(rank);
    }
  }

  /**
   * A rank has exited without having finished, and takes nothing any more.
   *
   * @param rank which
   * @param reason how, for people
   */
  public void exited(int rank, String reason) {
    List<BiConsumer<Integer, String>> told;
    List<Runnable> due;
    synchronized (exited) {
      exited.put(rank, reason);
      told = List.copyOf(listeners);
      due = lastActions();
    }
    told.forEach(listener -> listener.accept(rank, reason));
    due.forEach(Runnable::run);
  }

  /**
   * Whether a rank has exited without having finished.
   *
   * @param rank which
   * @return true after {@link #exited}
   */
  public boolean isExited(int rank) {
    synchronized (exited) {
      return exited.containsKey(rank);
    }
  }

  /**
   * Registers a listener for ranks that exit, which also hears of those that have.
   *
   * @param listener gets the rank and the reason
   */
  public void onExited(BiConsumer<Integer, String> listener) {
    Map<Integer, String> before;
    synchronized (exited) {
      listeners.add(listener);
      before = new LinkedHashMap<>(exited);
    }
    before.forEach(listener);
  }
}
