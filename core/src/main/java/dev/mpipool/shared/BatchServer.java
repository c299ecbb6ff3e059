package dev.mpipool.shared;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageChannels;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Uninterruptibles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.Collection;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How ranks ask rank 0, which keeps a batch's tasks: each waits for the answer itself, so on rank 0
 * one thread is enough, which receives a question and sends the answer to a rank that waits for it.
 *
 * <pre>
 *   question: | what (byte) | tag of the answer (int) | worker (int) | task (int) | states (byte) |
 *   answer:   | 0 (byte) | a number (int) |  or  | 1 or 2 (byte) | message of an exception, UTF-8 |
 * </pre>
 */
final class BatchServer {

  static final byte NEXT = 1;
  static final byte GET = 2;
  static final byte SET = 3;
  private static final byte BYE = 4;
  private static final byte LOST = 5;

  private static final Logger LOG = LoggerFactory.getLogger(BatchServer.class);

  private static final byte FINE = 0;
  private static final byte STATE_PROBLEM = 1;
  private static final byte IO_PROBLEM = 2;

  private static final int QUESTION = 0;
  private static final int QUESTION_BYTES = 14;
  private static final int FIRST_ANSWER = 1;
  private static final long CLOSING_MILLIS = 5_000;

  private final Communicator communicator;
  private final int workerSize;

  /** On rank 0; null elsewhere. */
  private final Tasks tasks;

  private final AtomicInteger asked = new AtomicInteger();
  private final BitSet gone = new BitSet();
  private final Thread listener = new Thread(this::listen, "mpipool-batch");
  private boolean closed;
  private boolean listening;

  /** On a duplicate of its own, which it closes. */
  BatchServer(Communicator communicator, int workerSize, Tasks tasks) {
    this.communicator = communicator;
    this.workerSize = workerSize;
    this.tasks = tasks;
    MessageChannels.of(communicator).markServed();
    if (tasks != null && communicator.size() > 1) {
      listening = true;
      listener.setDaemon(true);
      listener.start();
      communicator.onRankLost((rank, reason) -> tellOfLoss(rank));
    }
  }

  /** Asks rank 0, which may be this one. */
  int ask(byte what, int worker, int task, int states) {
    checkOpen();
    if (tasks != null) {
      return read(answer(what, worker, task, states));
    }
    int tag = FIRST_ANSWER + (asked.getAndIncrement() & 0xffffff);
    communicator.send(0, QUESTION, question(what, tag, worker, task, states));
    return read(communicator.receive(0, tag).data());
  }

  synchronized void checkOpen() {
    if (closed) {
      throw new IllegalStateException("The batch is closed");
    }
  }

  /** Tells rank 0; there it waits a moment for the others and leaves the rest to the thread. */
  void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    if (tasks == null) {
      try {
        communicator.send(0, QUESTION, question(BYE, 0, 0, 0, 0));
      } catch (CommunicatorException e) {
        LOG.debug("Rank 0 is gone already", e);
      }
      communicator.close();
      return;
    }
    Uninterruptibles.join(listener, CLOSING_MILLIS);
    endIfOver();
  }

  private void listen() {
    long pause = 0;
    Message asked = null;
    try {
      while (!isAlone()) {
        try {
          asked = asked == null ? communicator.receive(Communicator.ANY_SOURCE, QUESTION) : asked;
          handle(asked);
          asked = null;
          pause = 0;
        } catch (OutOfMemoryError e) { // the question is still there, and its rank waits
          pause = Memory.pause(pause);
        }
      }
    } catch (CommunicatorException e) {
      LOG.debug("Nothing more comes from the other ranks", e);
    } finally {
      synchronized (this) {
        listening = false;
      }
      endIfOver();
    }
  }

  private void handle(Message message) {
    ByteBuffer question = message.data().duplicate();
    byte what = question.get();
    int tag = question.getInt();
    int worker = question.getInt();
    int task = question.getInt();
    if (what == BYE) {
      leave(message.source());
    } else if (what == LOST) {
      leave(task);
      forget(task / workerSize);
    } else {
      replySurely(message.source(), tag, answer(what, worker, task, question.get()));
    }
  }

  /** What has been decided is told. */
  private void replySurely(int rank, int tag, ByteBuffer answer) {
    long pause = 0;
    while (true) {
      try {
        reply(rank, tag, answer);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void reply(int rank, int tag, ByteBuffer answer) {
    try {
      communicator.send(rank, tag, answer);
    } catch (CommunicatorException e) {
      LOG.debug("Rank {} asked and is gone", rank, e);
    }
  }

  private void tellOfLoss(int rank) {
    if (communicator.failureModel().othersSurvive() && isListening()) {
      Memory.persist(() -> communicator.send(0, QUESTION, question(LOST, 0, 0, rank, 0)));
    }
  }

  private synchronized boolean isListening() {
    return listening;
  }

  private synchronized void forget(int worker) {
    try {
      tasks.lost(worker);
    } catch (IOException | RuntimeException e) {
      LOG.warn("The tasks of worker {}, which lost a rank, stay RUNNING", worker, e);
    }
  }

  private synchronized void leave(int rank) {
    gone.set(rank);
  }

  private synchronized boolean isAlone() {
    return IntStream.range(1, communicator.size()).allMatch(gone::get);
  }

  private synchronized void endIfOver() {
    if (closed && !listening) {
      try {
        tasks.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } finally {
        communicator.close();
      }
    }
  }

  private synchronized ByteBuffer answer(byte what, int worker, int task, int states) {
    try {
      int number =
          switch (what) {
            case NEXT -> tasks.next(states(states), worker);
            case GET -> tasks.get(task).code();
            case SET -> {
              tasks.set(task, TaskState.of(states));
              yield 0;
            }
            default -> throw new IllegalStateException("No such question: " + what);
          };
      return ByteBuffer.allocate(1 + Integer.BYTES).put(FINE).putInt(number).flip();
    } catch (IOException | UncheckedIOException e) {
      return problem(IO_PROBLEM, e);
    } catch (RuntimeException e) {
      return problem(STATE_PROBLEM, e);
    }
  }

  private static ByteBuffer problem(byte kind, Exception e) {
    LOG.debug("A question cannot be answered", e);
    byte[] text =
        (e instanceof IllegalStateException ? e.getMessage() : e.toString()).getBytes(UTF_8);
    return ByteBuffer.allocate(1 + text.length).put(kind).put(text).flip();
  }

  private static int read(ByteBuffer answer) {
    byte kind = answer.get();
    if (kind == FINE) {
      return answer.getInt();
    }
    String text = UTF_8.decode(answer).toString();
    throw kind == IO_PROBLEM
        ? new UncheckedIOException(new IOException(text))
        : new IllegalStateException(text);
  }

  /** Bits of a set of states. */
  static int bits(Collection<TaskState> states) {
    return states.stream().mapToInt(state -> 1 << state.code()).sum();
  }

  private static Set<TaskState> states(int bits) {
    Set<TaskState> states = EnumSet.noneOf(TaskState.class);
    for (TaskState state : TaskState.values()) {
      if ((bits & (1 << state.code())) != 0) {
        states.add(state);
      }
    }
    return states;
  }

  private static ByteBuffer question(byte what, int tag, int worker, int task, int states) {
    ByteBuffer question = ByteBuffer.allocate(QUESTION_BYTES);
    return question.put(what).putInt(tag).putInt(worker).putInt(task).put((byte) states).flip();
  }
}
