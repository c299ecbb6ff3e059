package dev.mpipool.benchmarks.executor;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.FailureModel;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageChannel;
import dev.mpipool.comm.RankLostListener;
import dev.mpipool.protocol.DamagedFrameException;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Frame;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;

/**
 * Main's communicator with any number of workers that are not there: one thread at the other end of
 * a {@link LocalCommunicator} answers for all of them, or swallows what it gets. The tag says for
 * which worker a message is, or from which.
 */
final class Desk implements Communicator, MessageChannel {

  /** The name of the thread that answers. */
  static final String THREAD = "bench-desk";

  /** What a simulated worker says a task has taken. */
  private static final long NANOS_PER_TASK = 1000;

  private static final int FRAME_TAG = 0;
  private static final int DESK = 1;

  private final int size;
  private final boolean answers;
  private final ByteBuffer result;
  private final List<Communicator> ends = LocalCommunicator.create(2);

  /**
   * A desk, open.
   *
   * @param workers how many it stands for
   * @param answers whether tasks are answered at all
   * @param result what every task is answered with
   */
  Desk(int workers, boolean answers, ByteBuffer result) {
    this.size = workers + 1;
    this.answers = answers;
    this.result = result;
    Thread thread = new Thread(this::serve, THREAD);
    thread.setDaemon(true);
    thread.start();
  }

  private void serve() {
    Communicator end = ends.get(DESK);
    int there = size - 1;
    while (there > 0) {
      Message message = end.receive(0, ANY_TAG);
      List<Entry> answer = answer(message.data());
      if (!answer.isEmpty()) {
        end.send(0, message.tag(), Frame.encode(answer));
        there -= answer.get(0).kind() == EntryKind.LEFT ? 1 : 0;
      }
    }
  }

  private List<Entry> answer(ByteBuffer frame) {
    List<Entry> answer = new ArrayList<>();
    int tasks = 0;
    try {
      for (Entry entry : Frame.decode(frame)) {
        switch (entry.kind()) {
          case TASK -> {
            if (answers) {
              answer.add(new Entry(EntryKind.RESULT, entry.id(), result));
              tasks++;
            }
          }
          case CANCEL -> answer.add(new Entry(EntryKind.DROPPED, entry.id()));
          case RECALL -> answer.add(new Entry(EntryKind.RETURNED, 0));
          case RELEASE -> answer.add(0, new Entry(EntryKind.LEFT, 0));
          default -> {}
        }
      }
    } catch (DamagedFrameException e) {
      throw new IllegalStateException(e);
    }
    if (tasks > 0) {
      answer.add(new Entry(EntryKind.BUSY_TIME, tasks * NANOS_PER_TASK));
    }
    return answer;
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

  @Override
  public Communicator duplicate() {
    return new Desk(size - 1, answers, result);
  }

  @Override
  public void close() {
    ends.get(0).close();
  }

  @Override
  public void onRankLost(RankLostListener listener) {
    // nobody is ever lost
  }

  @Override
  public FailureModel failureModel() {
    return FailureModel.NONE;
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
