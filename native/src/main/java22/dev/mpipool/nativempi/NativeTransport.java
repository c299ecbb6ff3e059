package dev.mpipool.nativempi;

import dev.mpipool.comm.FailureModel;
import dev.mpipool.comm.RankLostListener;
import dev.mpipool.transport.Receiver;
import dev.mpipool.transport.Transport;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

/** A rank on an MPI library of the machine. */
final class NativeTransport implements Transport {

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  /** How long messages of a rank are looked for once it has said that it leaves. */
  private static final long LAST_LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  private final int rank;
  private final int size;
  private final Gate gate = new Gate();
  private final Losses losses = new Losses();
  private final Progress progress;
  private final Inbox inbox;
  private final Sender messages;
  private final Sender direct;
  private final DirectReceiver[] directReceivers;
  private final Ending ending;
  private final Queue<Integer> leaving = new ConcurrentLinkedQueue<>();
  private Receiver receiver;

  /** A rank that leaves, and of which there may still be a message to deliver; or null. */
  private Integer leaver;

  private long leaverSince;

  /** Collective. */
  NativeTransport(int rank, int size, String launcher) {
    this.rank = rank;
    this.size = size;
    this.progress = new Progress(size);
    Slots slots = new Slots();
    Doors doors = new Doors(rank, size);
    this.inbox = new Inbox(size, slots, doors, gate, losses, progress);
    this.messages = Sender.ofMessages(size, slots, doors, gate, losses, progress);
    this.direct = Sender.ofDirect(size, slots, doors, gate, losses, progress);
    this.directReceivers = new DirectReceiver[size];
    for (int i = 0; i < size; i++) {
      directReceivers[i] = new DirectReceiver(i, slots, gate, losses, progress);
    }
    this.ending =
        new Ending(
            rank,
            size,
            launcher,
            gate,
            losses,
            inbox::wake,
            messages::sendLast,
            doors::isClosed,
            this::leaves);
    ending.start();
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public void start(Receiver receiver) {
    this.receiver = Objects.requireNonNull(receiver, "receiver");
    inbox.start(receiver);
  }

  @Override
  public void send(int destination, long context, int tag, ByteBuffer data, ByteBuffer attachment) {
    gate.enter();
    try {
      messages.send(destination, context, tag, data, attachment);
      inbox.sent();
    } finally {
      gate.leave();
    }
  }

  @Override
  public void poll(long nanos) {
    gate.enter();
    try {
      boolean delivered = inbox.poll(leaver == null ? nanos : Math.min(nanos, LAST_LOOK_NANOS));
      tellOfLeaving(delivered);
    } finally {
      gate.leave();
    }
  }

  private void leaves(int other) {
    losses.leaves(other);
    leaving.add(other);
    inbox.wake();
  }

  /** A rank has said that it leaves, over another way than its messages, which may be later. */
  private void tellOfLeaving(boolean delivered) {
    if (leaver != null
        && !delivered
        && inbox.isEmpty()
        && System.nanoTime() - leaverSince > LAST_LOOK_NANOS) {
      receiver.left(leaver);
      leaver = null;
    }
    if (leaver == null) {
      leaver = leaving.poll();
      leaverSince = System.nanoTime();
    }
  }

  @Override
  public void wake() {
    inbox.wake();
  }

  @Override
  public Threads threads() {
    return Threads.ANY;
  }

  @Override
  public FailureModel failures() {
    return FailureDetector.isAvailable() ? FailureModel.PER_RANK : FailureModel.WHOLE_JOB;
  }

  /**
   * The launcher ends the job with a rank that is killed, so no news of that arrive, unless MPI
   * bears losses. A rank that exits before the others leaves in an orderly way, which they hear of.
   */
  @Override
  public void onRankLost(RankLostListener listener) {
    losses.listen(Objects.requireNonNull(listener, "listener"));
  }

  @Override
  public long lastProgress(int other) {
    return progress.last(other);
  }

  @Override
  public boolean keepsAttachments() {
    return true;
  }

  @Override
  public boolean isDirect() {
    return true;
  }

  @Override
  public void sendDirect(int destination, long context, int tag, ByteBuffer message) {
    gate.enter();
    try {
      direct.send(destination, context, tag, message, NOTHING);
    } finally {
      gate.leave();
    }
  }

  @Override
  public int receiveDirect(int source, long context, int tag, ByteBuffer place) {
    gate.enter();
    try {
      return directReceivers[source].receive(context, tag, place);
    } finally {
      gate.leave();
    }
  }

  @Override
  public boolean ranksAreProcesses() {
    return true;
  }

  @Override
  public boolean launcherEndsRanks() {
    return true;
  }

  @Override
  public void failedForLeaver() {
    losses.failForLeaver();
  }

  @Override
  public void finish(boolean alone) {
    ending.finish(alone);
  }

  @Override
  public void abort(int exitCode) {
    ending.abort(exitCode);
  }
}
