package dev.mpipool.testing;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The threads of pools that were started since this was made; other tests may have left some. */
public final class PoolThreads {

  private static final Set<Thread.State> WAITING =
      Set.of(Thread.State.WAITING, Thread.State.TIMED_WAITING);

  private final Set<Thread> before = all();

  /** The names of those that are alive. */
  public List<String> alive() {
    return started().map(Thread::getName).toList();
  }

  /** Whether each of them waits for something. */
  public boolean areWaiting() {
    return started().map(Thread::getState).allMatch(WAITING::contains);
  }

  private Stream<Thread> started() {
    return all().stream().filter(thread -> !before.contains(thread));
  }

  private static Set<Thread> all() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("mpipool-"))
        .collect(Collectors.toSet());
  }
}
