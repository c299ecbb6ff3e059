package dev.mpipool.benchmarks.executor;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.FailureModel;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageChannel;
import dev.mpipool.comm.RankLostListener;
import dev.mpipool.protocol.DamagedFrameException;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Frame;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BinaryOperator;
import java.util.stream.Stream;

/**
 * Main's communicator with any number of workers that are not there: one thread at the other end of
 * a {@link LocalCommunicator} answers for all of them as a {@link SimulatedWorker} does. The tag
 * says for which worker a message is, or from which.
 *
 * <p>The first workers can be made to be lost: they are busy, so that each holds a task as soon as
 * it has been given one, and from {@link #lose} on they answer nothing at all.
 */
final class Desk implements Communicator, MessageChannel {

  /** The name of the thread that answers. */
  static final String THREAD = "bench-desk";

  private static final int FRAME_TAG = 0;
  private static final int DESK = 1;

  private final int size;
  private final SimulatedWorker answering;

  /** By rank - 1, the workers that will be lost. */
  private final List<SimulatedWorker> losing;

  private final List<Communicator> ends = LocalCommunicator.create(2);
  private volatile boolean lost;
  private volatile RankLostListener listener = (rank, reason) -> {};

  /** How many workers were told that another is excluded. */
  private final AtomicInteger exclusionsTold = new AtomicInteger();

  /** How many of the losing workers hold a task. */
  private final AtomicInteger holding = new AtomicInteger();

  /**
   * A desk, open.
   *
   * @param workers how many it stands for
   * @param answering answers for each that is not busy
   * @param busy how many are busy from the start
   */
  Desk(int workers, SimulatedWorker answering, int busy) {
    this.size = workers + 1;
    this.answering = answering;
    this.losing = Stream.generate(SimulatedWorker::busy).limit(busy).toList();
    Thread thread = new Thread(this::serve, THREAD);
    thread.setDaemon(true);
    thread.start();
  }

  private void serve() {
    Communicator end = ends.get(DESK);
    int there = size - 1;
    try {
      while (there > 0) {
        Message message = end.receive(0, ANY_TAG);
        List<Entry> answer = answer(message.tag(), Frame.decode(message.data()));
        if (!answer.isEmpty()) {
          end.send(0, message.tag(), Frame.encode(answer));
          there -= answer.get(answer.size() - 1).kind() == EntryKind.LEFT ? 1 : 0;
        }
      }
    } catch (DamagedFrameException | IOException e) {
      throw new IllegalStateException(e);
    } catch (CommunicatorException e) {
      // main has closed the communicator: it waits for no lost worker
    }
  }

  private List<Entry> answer(int rank, List<Entry> frame) throws IOException {
    for (Entry entry : frame) {
      if (entry.kind() == EntryKind.EXCLUDED) {
        exclusionsTold.getAndIncrement();
      }
    }
    if (rank > losing.size()) {
      return answering.answer(frame);
    }
    if (lost) {
      return List.of();
    }
    SimulatedWorker worker = losing.get(rank - 1);
    int before = worker.held();
    List<Entry> answer = worker.answer(frame);
    if (before == 0 && worker.held() > 0) {
      holding.getAndIncrement();
    }
    return answer;
  }

  /** How many of the workers that will be lost hold a task. */
  int holding() {
    return holding.get();
  }

  /** How many workers main has told that another is excluded. */
  int exclusionsTold() {
    return exclusionsTold.get();
  }

  /**
   * Loses the busy workers.
   *
   * @param reported whether main is told; else it has to notice their silence
   */
  void lose(boolean reported) {
    lost = true;
    for (int rank = 1; reported && rank <= losing.size(); rank++) {
      listener.rankLost(rank, "simulated");
    }
  }

  @Override
  public int rank() {
    return 0;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public void send(int destination, int tag, ByteBuffer message) {
    if (destination == 0) {
      ends.get(0).send(0, FRAME_TAG, message);
    } else {
      ends.get(0).send(DESK, destination, message);
    }
  }

  @Override
  public Message receive(int source, int tag) {
    Message message = ends.get(0).receive(ANY_SOURCE, ANY_TAG);
    return new Message(message.source() == DESK ? message.tag() : 0, FRAME_TAG, message.data());
  }

  /** A pool's own; there is one pool on a desk. */
  @Override
  public Communicator duplicate() {
    return this;
  }

  @Override
  public void close() {
    ends.forEach(Communicator::close);
  }

  @Override
  public void onRankLost(RankLostListener to) {
    listener = to;
  }

  @Override
  public FailureModel failureModel() {
    return FailureModel.PER_RANK;
  }

  @Override
  public boolean callableFromAnyThread() {
    return true;
  }

  @Override
  public void barrier() {
    throw new UnsupportedOperationException();
  }

  @Override
  public byte[] broadcast(byte[] value, int root) {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<byte[]> gather(byte[] value, int root) {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<byte[]> allGather(byte[] value) {
    throw new UnsupportedOperationException();
  }

  @Override
  public byte[] scatter(List<byte[]> values, int root) {
    throw new UnsupportedOperationException();
  }

  @Override
  public byte[] reduce(byte[] value, BinaryOperator<byte[]> operator, int root) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Communicator split(int color, int key) {
    throw new UnsupportedOperationException();
  }
}
