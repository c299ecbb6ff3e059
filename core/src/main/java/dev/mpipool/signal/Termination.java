package dev.mpipool.signal;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * The actions that run when this process is asked to end (SIGTERM, SIGINT), or when SIGUSR1
 * announces that it soon will be.
 *
 * <p>Ranks that are threads of one JVM share this class, though each has its own of most others; so
 * only the JDK's types pass here.
 */
public final class Termination {

  /** How long a signal that ends the process waits for actions. */
  private static final long LONGEST_NANOS = TimeUnit.SECONDS.toNanos(30);

  private static final String INTERRUPT = "INT";

  private static final Termination OF_PROCESS = new Termination();

  private final Set<Action> actions = new LinkedHashSet<>();
  private final List<Thread> running = new ArrayList<>();
  private final FirstSignal first = new FirstSignal();

  /** How many threads are about to start actions that a signal has made due. */
  private int starting;

  private boolean announced;
  private boolean ending;
  private boolean listening;
  private boolean handling;

  private Termination() {}

  /** What runs, and the thread group and class loader of the code that asked for it. */
  private static final class Action {
    final Runnable body;

    /** Whether it also runs at the end of a process whose end was announced. */
    final boolean again;

    final ThreadGroup group = Thread.currentThread().getThreadGroup();
    final ClassLoader loader = Thread.currentThread().getContextClassLoader();
    boolean hasRun;

    Action(Runnable body, boolean again) {
      this.body = body;
      this.again = again;
    }
  }

  /**
   * Adds an action, which runs once, in a thread of its own. If a signal has already arrived, it
   * runs at once.
   *
   * @param action to run
   * @param again whether it runs a second time when the process is asked to end after its end was
   *     announced
   * @return removes the action
   */
  public static Runnable add(Runnable action, boolean again) {
    return OF_PROCESS.added(new Action(action, again));
  }

  /**
   * Has SIGUSR1 run the actions; without this or an action, the signal ends the process, as it does
   * by default.
   */
  public static void listen() {
    OF_PROCESS.listenToAnnouncements();
  }

  /** Runs the actions that have not run: the process will be ended soon. */
  public static void announce() {
    OF_PROCESS.begin(false);
  }

  /** Runs the actions: the process is about to end. Returns at once. */
  public static void end() {
    OF_PROCESS.begin(true);
  }

  /**
   * Waits until no action is running, for a limited time. Called before mpipool ends a process: an
   * exit would cut actions off.
   */
  public static void await() {
    OF_PROCESS.awaitActions();
  }

  private Runnable added(Action action) {
    listenToAnnouncements();
    boolean late;
    synchronized (this) {
      if (!handling) {
        handling = true;
        for (String name : List.of("TERM", INTERRUPT)) {
          Signals.handle(name, (number, before) -> endThen(name, before));
        }
      }
      actions.add(action);
      late = announced || ending;
    }
    if (late) {
      run(action, false);
    }
    return () -> remove(action);
  }

  private synchronized void listenToAnnouncements() {
    if (!listening) {
      listening = true;
      Signals.handle(
          "USR1",
          (number, before) -> {
            begin(false);
            before.run();
          });
    }
  }

  /** A second Ctrl-C waits for no action. */
  private void endThen(String signal, Runnable before) {
    boolean second = !first.note() && first.isPast() && signal.equals(INTERRUPT);
    if (!second) {
      begin(true);
      awaitActions();
    }
    before.run();
  }

  private synchronized void remove(Action action) {
    actions.remove(action);
  }

  private void begin(boolean isEnd) {
    List<Action> due;
    synchronized (this) {
      if (ending || (announced && !isEnd)) {
        return;
      }
      announced = true;
      ending = isEnd;
      due = List.copyOf(actions);
      starting++;
    }
    try {
      due.forEach(action -> run(action, isEnd));
    } finally {
      synchronized (this) {
        starting--;
        notifyAll();
      }
    }
  }

  private void run(Action action, boolean isEnd) {
    try {
      Thread thread = new Thread(action.group, action.body, "mpipool-termination");
      thread.setContextClassLoader(action.loader);
      thread.setDaemon(false);
      synchronized (this) {
        if (action.hasRun && !(isEnd && action.again)) {
          return;
        }
        action.hasRun = true;
        running.removeIf(each -> !each.isAlive());
        thread.start();
        running.add(thread);
      }
    } catch (OutOfMemoryError e) { // no thread to be had
      action.body.run();
    }
  }

  private void awaitActions() {
    long deadline = System.nanoTime() + LONGEST_NANOS;
    try {
      for (Thread thread : allRunning(deadline)) {
        TimeUnit.NANOSECONDS.timedJoin(thread, Math.max(1, deadline - System.nanoTime()));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * The threads of actions. Two signals can arrive at once, one from the terminal and one from the
   * launcher, and the second one must not end the process while the first one's thread is starting
   * the actions.
   */
  private synchronized List<Thread> allRunning(long deadline) throws InterruptedException {
    for (long left = LONGEST_NANOS; starting > 0 && left > 0; left = deadline - System.nanoTime()) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
    return List.copyOf(running);
  }
}
