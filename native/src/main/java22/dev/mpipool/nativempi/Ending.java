package dev.mpipool.nativempi;

import dev.mpipool.comm.CommunicatorException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The end of a rank. MPI_Finalize waits for all ranks, burning a processor, and a launcher takes a
 * rank that ends without it for a failure. So the ranks agree on the end by messages of their own,
 * and call MPI_Finalize when all are ready for it:
 *
 * <ul>
 *   <li>a rank that is ready tells rank 0 (READY) and waits, which costs nothing;
 *   <li>when rank 0 and all others are ready, rank 0 tells them (END);
 *   <li>if others are not ready for a second, rank 0 tells them which ranks are: a wait for one of
 *       these has no other end;
 *   <li>if rank 0's process ends without having asked, it tells them, too (END): then the others
 *       end with it;
 *   <li>another rank whose process ends earlier tells all others that it is lost, and waits in its
 *       shutdown hook for the end of the rest.
 * </ul>
 *
 * <p>What is left to do when a process ends is done after its last shutdown hook, by functions of C
 * that the C library calls at the very end. So the hooks of the program can still use MPI, and rank
 * 0's exit code, which Java does not know in a hook, stays.
 */
final class Ending {

  private static final int READY = 1;
  private static final int END = 2;

  /** Like {@link #END}, where a rank is lost: MPI_Finalize would wait for it. */
  private static final int END_WITHOUT_FINALIZE = 3;

  /** Another rank ends the job. */
  private static final int ABORT = 4;

  /** How long after a READY rank 0 passes it on to ranks that are not ready. */
  private static final long RELAY_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final long WATCH_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long LONGEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  /** How long the calls of other threads may take to come out of MPI. */
  private static final long CALLS_NANOS = TimeUnit.SECONDS.toNanos(2);

  /** How long MPI_Finalize may take once all ranks are ready. */
  private static final int FINALIZE_SECONDS = 10;

  /** A wait that failed because another rank left counts for so long as the cause of this end. */
  private static final long CONSEQUENCE_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** How long the process of such a rank stays after the end of MPI. */
  private static final long PRINTING_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** As long as the launchers leave to shutdown hooks, and more. */
  private static final int EXIT_SECONDS = 15;

  private final int rank;
  private final int size;
  private final String launcher;
  private final Gate gate;
  private final Losses losses;
  private final FailureDetector detector = new FailureDetector();
  private final Runnable wake;
  private final IntConsumer sendLast;
  private final IntPredicate hasEnded;
  private final IntConsumer leaves;
  private final Slot in = new Slot();
  private final Slot out = new Slot();

  /** Which ranks are ready; of rank 0. */
  private final BitSet ready = new BitSet();

  /** When the first READY arrived that rank 0 has not passed on; null if there is none. */
  private Long unrelayedSince;

  /** Of which ranks rank 0 has told the others that they are ready. */
  private final BitSet relayed = new BitSet();

  private boolean endTold;
  private boolean abortTold;

  /** Whether all ranks will call MPI_Finalize. */
  private boolean finalizing = true;

  /** Whether {@link #finish} has been called. */
  private boolean asked;

  /** Whether not all ranks will call it. */
  private boolean alone;

  /** Whether this process is about to end: nothing else ends MPI then. */
  private volatile boolean exiting;

  /** Whether MPI ends, or has ended: no call may be made any more. */
  private boolean finalized;

  /** Whether this rank may end because another one has left. */
  private volatile boolean consequence;

  /** The earliest time at which this process exits; null if it may exit at once. */
  private volatile Long stay;

  Ending(
      int rank,
      int size,
      String launcher,
      Gate gate,
      Losses losses,
      Runnable wake,
      IntConsumer sendLast,
      IntPredicate hasEnded,
      IntConsumer leaves) {
    this.rank = rank;
    this.size = size;
    this.launcher = launcher;
    this.gate = gate;
    this.losses = losses;
    this.wake = wake;
    this.sendLast = sendLast;
    this.hasEnded = hasEnded;
    this.leaves = leaves;
  }

  /** Begins to listen to what other ranks say of the end, and to the end of this process. */
  void start() {
    if (rank == 0) {
      Presence.begin();
    }
    Runtime.getRuntime().addShutdownHook(new Thread(this::exit, "mpipool-mpi-exit"));
    Thread watch = new Thread(this::watch, "mpipool-mpi-watch");
    watch.setDaemon(true);
    watch.start();
  }

  private void watch() {
    long launcherId = parent();
    while (true) {
      LockSupport.parkNanos(WATCH_NANOS);
      if (!look()) {
        return;
      }
      lookForLosses();
      relayIfLate();
      if (isToEnd()) {
        new Thread(() -> System.exit(0), "mpipool-mpi-end").start();
        return;
      }
      if (parent() != launcherId) {
        System.err.printf("mpipool: %s has ended; rank %d ends with it%n", launcher, rank);
        Runtime.getRuntime().halt(1);
      }
    }
  }

  private void lookForLosses() {
    List<Integer> lost;
    synchronized (this) {
      lost = finalized ? List.of() : detector.lost();
    }
    for (int other : lost) {
      losses.lost(other, Losses.REASON);
    }
    if (!lost.isEmpty()) {
      wake.run();
    }
    if (losses.isLost(0) && rank != 0) {
      Runtime.getRuntime().halt(1); // a job is over without rank 0; the launcher says why
    }
  }

  private static long parent() {
    return ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(-1L);
  }

  private synchronized boolean isToEnd() {
    return endTold && !asked && !exiting;
  }

  /** Takes what other ranks have said; false if MPI has ended here. */
  private synchronized boolean look() {
    while (!finalized && MpiCalls.probeAny(in, Wire.CONTROL)) {
      MpiCalls.receive(in);
      int word = in.memory.get(ValueLayout.JAVA_INT, 0);
      if (word == READY) {
        ready.set(in.source);
        unrelayedSince = unrelayedSince == null ? System.nanoTime() : unrelayedSince;
        leaves.accept(in.source);
      } else if (word < 0) {
        leaves.accept(readyRank(word));
      }
      endTold |= word == END || word == END_WITHOUT_FINALIZE;
      finalizing &= word != END_WITHOUT_FINALIZE;
      abortTold |= word == ABORT;
    }
    return !finalized;
  }

  /** The orderly end, see {@link dev.mpipool.transport.Transport#finish}. */
  void finish(boolean withoutOthers) {
    synchronized (this) {
      if (asked) {
        return;
      }
      asked = true;
      alone = withoutOthers;
      consequence = losses.hasFailedForLeaver(CONSEQUENCE_NANOS);
    }
    if (withoutOthers) {
      closeGate();
    } else {
      if (rank != 0) {
        tell(0, READY);
      }
      await(); // other threads serve other ranks meanwhile
      if (exiting) {
        return;
      }
      closeGate();
      if (rank == 0) {
        tellAll(END);
      }
      finish();
    }
  }

  private void closeGate() {
    gate.close();
    long begin = System.nanoTime();
    while (!gate.isEmpty() && System.nanoTime() - begin < CALLS_NANOS) {
      wake.run();
      LockSupport.parkNanos(WATCH_NANOS / 100);
    }
  }

  /** Waits until the ranks may end, or until this process ends. */
  private void await() {
    boolean inHook = exiting;
    long begin = System.nanoTime();
    while (!mayEnd() && exiting == inHook) {
      long pause = Math.min(LONGEST_PAUSE_NANOS, 50_000 + (System.nanoTime() - begin) / 10);
      Libc.sleepMicros((int) TimeUnit.NANOSECONDS.toMicros(pause));
      if (rank == 0 && System.nanoTime() - begin > RELAY_NANOS) {
        relay(true);
      }
    }
  }

  /** Passes on which ranks are ready while rank 0 is not. */
  private synchronized void relayIfLate() {
    if (unrelayedSince != null && System.nanoTime() - unrelayedSince > RELAY_NANOS) {
      relay(false);
    }
  }

  /** Tells ranks that are not ready, once for each, of those that are, perhaps rank 0 itself. */
  private synchronized void relay(boolean alsoSelf) {
    unrelayedSince = null;
    BitSet leavers = (BitSet) ready.clone();
    leavers.set(0, alsoSelf);
    leavers.andNot(relayed);
    relayed.or(leavers);
    for (int leaver = leavers.nextSetBit(0); leaver >= 0; leaver = leavers.nextSetBit(leaver + 1)) {
      for (int other = 1; other < size; other++) {
        if (!ready.get(other) && !losses.isLost(other)) {
          tell(other, readyWord(leaver));
        }
      }
    }
  }

  /** Says that a rank is ready; negative, as no other word is. */
  private static int readyWord(int leaver) {
    return -1 - leaver;
  }

  private static int readyRank(int word) {
    return -1 - word;
  }

  private synchronized boolean mayEnd() {
    look();
    return finalized || endTold || (rank == 0 && areOthersReady());
  }

  private boolean areOthersReady() {
    for (int other = 1; other < size; other++) {
      if (!ready.get(other) && !losses.isLost(other)) {
        return false;
      }
    }
    return true;
  }

  private void tellAll(int word) {
    for (int other = 1; other < size; other++) {
      tell(other, word);
    }
  }

  private synchronized void tell(int other, int word) {
    if (finalized) {
      return;
    }
    out.memory.set(ValueLayout.JAVA_INT, 0, word);
    try {
      MpiCalls.isend(out.address, Integer.BYTES, other, Wire.CONTROL, out.requestAddress);
      Waiting waiting = new Waiting();
      while (!MpiCalls.test(out)) {
        waiting.pause();
      }
    } catch (MpiException e) {
      if (!e.isLoss()) {
        throw e;
      }
    }
  }

  /** MPI_Finalize, which must not wait for ever. */
  private void finish() {
    synchronized (this) {
      if (finalized) {
        return;
      }
      finalized = true;
    }
    Thread limit = new Thread(this::haltAfterLimit, "mpipool-mpi-limit");
    limit.setDaemon(true);
    limit.start();
    MpiCalls.finish();
    stay = consequence ? System.nanoTime() + PRINTING_NANOS : null;
    limit.interrupt();
  }

  private void haltAfterLimit() {
    try {
      // In steps: while the process is stopped, time passes for it alone.
      for (int i = 0; i < FINALIZE_SECONDS * 10; i++) {
        Thread.sleep(100);
      }
    } catch (InterruptedException e) {
      return;
    }
    System.err.printf(
        "mpipool: MPI_Finalize has taken more than %d s on rank %d, which ends without it%n",
        FINALIZE_SECONDS, rank);
    Runtime.getRuntime().halt(1);
  }

  /** The shutdown hook. Other hooks of the program may run meanwhile, and use MPI. */
  private void exit() {
    boolean over;
    synchronized (this) {
      exiting = true;
      over = finalized;
    }
    if (rank == 0) {
      if (!over) {
        tellOfLost();
      }
      Presence.end();
    }
    if (over) {
      awaitOutputOfLeaver();
      return;
    }
    if (rank == 0) {
      exitOfMain();
    } else {
      exitOfOther();
    }
  }

  /**
   * Lets a rank that has left come to its end first. All come out of MPI_Finalize together, and
   * with the first exit code other than 0 launchers end the other processes, and drop what these
   * print. Where that rank's end made this one fail, what it prints is the cause.
   */
  private void awaitOutputOfLeaver() {
    Long end = stay;
    for (long left = 1; end != null && left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  private void exitOfMain() {
    if (alone && Libc.tellsExitCode()) {
      Libc.atExit(MpiCalls.symbol("MPI_Abort"), MpiCalls.world());
      return;
    }
    MemorySegment word = Arena.global().allocate(ValueLayout.JAVA_INT);
    if (finalizing) {
      Libc.atExit(MpiCalls.symbol("MPI_Finalize"), 0);
    }
    word.set(ValueLayout.JAVA_INT, 0, finalizing ? END : END_WITHOUT_FINALIZE);
    for (int other = 1; other < size; other++) {
      MemorySegment request = Arena.global().allocate(ValueLayout.JAVA_LONG);
      MpiCalls.initSend(word.address(), Integer.BYTES, other, Wire.CONTROL, request.address());
      Libc.atExit(MpiCalls.symbol("MPI_Start"), request.address());
    }
    Libc.atExit(Downcalls.LIBC.find("alarm").orElseThrow(), EXIT_SECONDS);
  }

  /**
   * Says which ranks are lost. They end the job, some launchers by a SIGTERM to this process, which
   * would else end without a word. All others are there as long as this rank is.
   */
  private synchronized void tellOfLost() {
    if (FailureDetector.isAvailable()) {
      return;
    }
    int[] lost =
        IntStream.range(1, size)
            .filter(other -> !losses.isLost(other) && hasEnded.test(other))
            .toArray();
    look(); // MPI finds at the first look what the second then tells
    look();
    if (lost.length > 0 && !abortTold) {
      finalizing = false;
      System.err.println(lostMessage(lost));
    }
  }

  private String lostMessage(int[] lost) {
    String ranks =
        Arrays.stream(lost).mapToObj(Integer::toString).collect(Collectors.joining(", "));
    return ("mpipool: lost rank %s: its process was killed or has halted, and under %s the whole job"
            + " ends with it. bin/mpjrun.sh (-dev tcpdev), and Open MPI 5 or later with mpirun"
            + " --with-ft ulfm, survive the loss of a worker")
        .formatted(ranks, launcher);
  }

  private void exitOfOther() {
    // The exit code of a job is rank 0's. Of these functions the first one is called last.
    Libc.atExit(Downcalls.LIBC.find("_exit").orElseThrow(), 0);
    if (!isEndTold()) {
      tell(0, READY);
      for (int i = 1; i < size; i++) {
        sendLastTo((rank + i) % size);
      }
      await();
    }
    if (finalizing) {
      Libc.atExit(MpiCalls.symbol("MPI_Finalize"), 0);
    }
    Libc.atExit(Downcalls.LIBC.find("alarm").orElseThrow(), EXIT_SECONDS);
  }

  private void sendLastTo(int other) {
    try {
      sendLast.accept(other);
    } catch (CommunicatorException e) {
      return; // it is lost itself
    }
  }

  private synchronized boolean isEndTold() {
    look();
    return endTold;
  }

  /** Ends all ranks. */
  void abort(int exitCode) {
    Thread limit =
        new Thread(
            () -> {
              LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(5));
              Runtime.getRuntime().halt(exitCode);
            },
            "mpipool-mpi-limit");
    limit.setDaemon(true);
    limit.start();
    Presence.end();
    if (rank != 0) {
      tell(0, ABORT);
    }
    MpiCalls.abort(exitCode);
    Runtime.getRuntime().halt(exitCode);
  }
}
