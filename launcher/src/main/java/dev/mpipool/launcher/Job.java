package dev.mpipool.launcher;

import dev.mpipool.link.LauncherLink.Ending;
import dev.mpipool.signal.FirstSignal;
import java.io.IOException;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * One run of a program, from its first process to its last.
 *
 * <p>Everything that happens (a rank reports, a process ends, a signal asks the launcher to stop)
 * becomes an event in one queue, and one thread decides what follows. A job that is being ended
 * goes through three steps: the ranks are told and have a grace, then they get SIGTERM, then
 * SIGKILL. A signal to the launcher begins with the second step and leaves the ranks' shutdown
 * hooks the time that the user allows.
 */
final class Job implements RankProcesses.Listener {
  /** Milliseconds that the other ranks have once main's has ended. */
  private static final int GRACE = 1_000;

  /** Milliseconds that main's rank has once another was lost: it may report what it had begun. */
  private static final int GRACE_OF_MAIN = 3_000;

  /** Milliseconds between SIGTERM and SIGKILL. */
  private static final int TERM = 1_500;

  /** Milliseconds within which a signal that a terminal or a scheduler sends to all has arrived. */
  private static final int EVERYBODY = 500;

  /** Seconds that killed processes have to end before the launcher leaves them behind. */
  private static final int KILL = 5;

  /** Milliseconds, at most, between looks whether all ranks are linked. */
  private static final int LONGEST = 3_600_000;

  private static final Set<Ending> RETURNED = EnumSet.of(Ending.FINISHED, Ending.UNFINISHED);

  private final JobSpec spec;
  private final RankProcesses ranks;
  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private final CountDownLatch over = new CountDownLatch(1);
  private final Map<Integer, Ending> endings = new HashMap<>();

  /** The ranks that a signal ended while the launcher had not had it, and was given time to. */
  private final Set<Integer> early = new HashSet<>();

  /** The exit code of the first signal that the launcher got; 0 before. */
  private volatile int signalled;

  private final FirstSignal first = new FirstSignal();

  /** Whether {@link #announce} was called. */
  private boolean announced;

  /** Ranks whose main has returned while a pool of theirs still runs tasks. */
  private final Set<Integer> withPool = new HashSet<>();

  /** Null until something other than main's own end has decided. */
  private Integer exitCode;

  private Step step = Step.RUNNING;
  private long deadline;

  /** Whether the ranks will never meet. */
  private boolean hopeless;

  /** When the last rank was linked. */
  private long linked;

  private enum Step {
    RUNNING,
    GRACE,
    TERM,
    KILL
  }

  private interface Event {
    void happen();
  }

  Job(JobSpec spec, Installation installation) throws IOException {
    this.spec = spec;
    this.ranks = new RankProcesses(spec, installation, this);
  }

  /** Runs the job, and returns its exit code once every process has ended. */
  int run() throws IOException, InterruptedException {
    try (ranks) {
      start();
      while (!ranks.alive().isEmpty()) {
        Event event = next();
        if (event == null) {
          nextStep();
        } else {
          event.happen();
        }
      }
      int code = exitCode == null ? 0 : exitCode;
      return isStopping() ? signalled : code;
    } finally {
      ranks.kill(false);
      over.countDown();
    }
  }

  private void start() {
    try {
      ranks.start();
      linked = System.nanoTime();
      checkLinks();
    } catch (RankProcesses.StartException e) {
      notJoined(e.rank(), "its process could not be started: " + e.getMessage());
      end(0);
    }
  }

  /**
   * Ends the job because of a signal. The ranks' shutdown hooks have their time, unless Ctrl-C is
   * pressed again. One signal may arrive twice, for a process and for its group.
   *
   * @param code what the launcher exits with
   */
  void stop(int code) {
    if (first.note()) {
      signalled = code;
      events.add(() -> terminate(TimeUnit.SECONDS.toMillis(spec.hookTimeout())));
      Threads.daemon("mpipool-stop", () -> halt(code));
    } else if (code == Signals.INTERRUPTED && first.isPast()) {
      events.add(() -> terminate(0));
    }
  }

  /** Tells the ranks that the job is about to be ended, by what has told the launcher. */
  void announce() {
    events.add(
        () -> {
          announced = true;
          ranks.alive().forEach(process -> ranks.announceEnd(process.rank()));
        });
  }

  /** Ends the launcher, and ranks with it, should it be stuck. */
  private void halt(int code) {
    try {
      if (!over.await(spec.hookTimeout() + KILL, TimeUnit.SECONDS)) {
        Runtime.getRuntime().halt(code);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void ended(int rank, Ending ending) {
    events.add(
        () -> {
          if (ending == Ending.POOL_RUNS) {
            withPool.add(rank);
            return;
          }
          withPool.remove(rank);
          if (ending == Ending.POOL_ENDED) {
            checkRest();
            return;
          }
          endings.put(rank, ending);
          if (rank == 0 && ending == Ending.THREW) {
            end(GRACE_OF_MAIN); // its shutdown hooks may be running, and need the others
          } else if (rank != 0 && ending == Ending.THREW) {
            ranks
                .process(rank)
                .ifPresent(process -> workerLost(process, "its main threw an exception"));
          }
          checkStart();
          checkRest();
        });
  }

  @Override
  public void linked(int rank) {
    events.add(
        () -> {
          linked = System.nanoTime();
          if (announced) {
            ranks.announceEnd(rank);
          }
        });
  }

  @Override
  public void failed(String reason) {
    events.add(
        () -> {
          List<RankProcess> missing = ranks.unlinked();
          if (!missing.isEmpty()) {
            notJoined(missing.get(0).rank(), "the launcher cannot take up its link: " + reason);
            end(0);
          }
        });
  }

  @Override
  public void exited(int rank, int code) {
    events.add(() -> handleExit(rank, code));
  }

  @Override
  public void waiting() {
    events.add(this::checkStart);
  }

  private Event next() throws InterruptedException {
    return step == Step.RUNNING || step == Step.KILL
        ? events.take()
        : events.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
  }

  private void handleExit(int rank, int code) {
    if (RankProcess.isSignalForAll(code) && !isStopping() && early.add(rank)) {
      Threads.later(EVERYBODY, () -> exited(rank, code));
      return;
    }
    RankProcess process = ranks.remove(rank);
    withPool.remove(rank);
    Ending ending = endings.getOrDefault(rank, code == 0 ? Ending.EXITED_UNFINISHED : null);
    if (rank == 0) {
      mainExited(process, ending, code);
    } else if (!isNormal(ending, code) || ranks.isWaiting(rank)) {
      workerLost(process, describe(process, code));
    }
    checkStart();
    checkRest();
  }

  private void mainExited(RankProcess process, Ending ending, int code) {
    boolean asked = isEnding();
    if (exitCode == null) {
      exitCode = code;
    }
    if (!asked && code == 0 && ending == Ending.FINISHED) {
      return; // the others may go on as long as they like
    }
    if (!asked && ending == null && !ranks.hasJoined(0)) {
      sayNotJoined(0, describe(process, code));
    } else if (!asked && RankProcess.isSignal(code)) {
      say(process.name() + " was " + process.describe(code));
    }
    ranks.tellLost(
        0, ending == Ending.UNFINISHED ? "ended without MPI.Finalize" : process.describe(code));
    end(GRACE);
  }

  private void workerLost(RankProcess process, String reason) {
    if (!ranks.hasJoined(process.rank())) {
      notJoined(process.rank(), reason);
      return;
    }
    if (isEnding()) {
      return;
    }
    ranks.tellLost(process.rank(), reason);
    if (mainEndsTheJob()) {
      return;
    }
    say(process.name() + " was lost: " + reason);
    if (!spec.device().survivesLoss() || endings.get(process.rank()) == Ending.THREW) {
      exitCode = 1;
      end(GRACE_OF_MAIN);
    }
  }

  /** A rank will never meet the others, which all need it for {@code MPI.Init}. */
  private void notJoined(int rank, String reason) {
    if (isEnding() || mainEndsTheJob()) {
      return;
    }
    sayNotJoined(rank, reason);
    ranks.tellLost(rank, reason);
    exitCode = 1;
    hopeless = true;
    end(GRACE_OF_MAIN);
    checkStart();
  }

  private void sayNotJoined(int rank, String reason) {
    say(place(rank) + " did not join the job: " + reason);
  }

  private String place(int rank) {
    return "rank " + rank + " (on " + spec.host(rank) + ")";
  }

  private String describe(RankProcess process, int code) {
    return ranks.wasLinked(process.rank())
        ? process.describe(code)
        : process.describeUnlinked(code);
  }

  /** Ends the job if a rank has not been heard of, and no other either, for too long. */
  private void checkLinks() {
    List<RankProcess> missing = ranks.unlinked();
    if (missing.isEmpty() || isEnding()) {
      return;
    }
    long timeout = TimeUnit.SECONDS.toMillis(spec.startTimeout());
    long rest = timeout - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - linked);
    if (rest > 0) {
      Threads.later((int) Math.min(rest + 1, LONGEST), () -> events.add(this::checkLinks));
      return;
    }
    String others =
        missing.stream()
            .skip(1)
            .map(process -> place(process.rank()))
            .collect(Collectors.joining(", "));
    notJoined(
        missing.get(0).rank(),
        "it did not reach the launcher within "
            + spec.startTimeout()
            + " s (-start-timeout)"
            + (others.isEmpty() ? "" : "; nor did " + others));
  }

  private static boolean isNormal(Ending ending, int code) {
    return code == 0
        && (ending == Ending.FINISHED || ending == Ending.EXITED || ending == Ending.UNFINISHED);
  }

  /** A rank that ended before MPI.Init would be waited for by the others for ever. */
  private void checkStart() {
    if (hopeless && ranks.isWaitedFor()) {
      end(0);
    }
    for (int rank = 0; rank < spec.np() && !isEnding() && !mainEndsTheJob(); rank++) {
      if (endings.containsKey(rank) && ranks.isMissed(rank)) {
        notJoined(rank, "ended without MPI.Init, where other ranks wait for it");
      }
    }
  }

  /**
   * Lets the ranks go that have nothing left but to wait for the others. Main's is one of them when
   * it has not finalized MPI and no other rank's program goes on after the return of its main: with
   * main's process the job ends.
   */
  private void checkRest() {
    if (endings.get(0) == Ending.UNFINISHED && withPool.isEmpty()) {
      ranks.tellLeave(0);
    }
    boolean allReturned =
        ranks.alive().stream().allMatch(process -> RETURNED.contains(endings.get(process.rank())));
    if (allReturned) {
      ranks.alive().forEach(process -> ranks.tellLeave(process.rank()));
    }
  }

  private void end(int grace) {
    long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(grace);
    if (step == Step.RUNNING || (step == Step.GRACE && until < deadline)) {
      step = Step.GRACE;
      deadline = until;
    }
  }

  private void terminate(long millis) {
    step = Step.TERM;
    deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    ranks.terminate(mainIsEnding());
  }

  private boolean isStopping() {
    return signalled != 0;
  }

  private boolean isEnding() {
    return step != Step.RUNNING || isStopping();
  }

  private void nextStep() {
    if (step == Step.GRACE) {
      terminate(TERM);
    } else if (step == Step.TERM) {
      step = Step.KILL;
      ranks.kill(mainIsEnding());
    }
  }

  /** Whether main's rank is in its shutdown hooks, which have as long as they need, as in Java. */
  private boolean mainIsEnding() {
    return exitCode == null && endings.containsKey(0) && !isStopping();
  }

  /**
   * Whether the end of main's process, which is near, ends the job. Until then its shutdown hooks
   * may wait for what workers have begun.
   */
  private boolean mainEndsTheJob() {
    Ending main = endings.get(0);
    return main != null && main != Ending.FINISHED;
  }

  private static void say(String text) {
    System.err.println("mpipool: " + text);
  }
}
