package dev.mpipool.dispatch;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageTooLongException;
import dev.mpipool.protocol.ReceiveLoop;

/** Passes messages that main receives to the dispatcher. */
public final class AnswerListener {

  private final Dispatcher dispatcher;
  private final ReceiveLoop receiveLoop;

  /**
   * Starts receiving in daemon threads, so that a program can exit without closing its pool.
   *
   * @param communicator to receive on
   * @param dispatcher handles the messages
   */
  public AnswerListener(Communicator communicator, Dispatcher dispatcher) {
    this.dispatcher = dispatcher;
    this.receiveLoop = new ReceiveLoop(communicator, "mpipool-listener", new Incoming());
    dispatcher.receiveAt(receiveLoop);
  }

  /**
   * Waits until receiving has ended, which it does when the workers are gone.
   *
   * @param millis how long at most
   * @return whether receiving has ended
   */
  public boolean awaitEnd(long millis) {
    return receiveLoop.awaitEnd(millis);
  }

  private final class Incoming implements ReceiveLoop.Handler {
    @Override
    public boolean handle(Message message) {
      return dispatcher.received(message);
    }

    @Override
    public boolean handleTooLong(MessageTooLongException message) {
      return dispatcher.receivedCut(message);
    }

    @Override
    public void failed(Throwable e) { // a message may be lost, for example for lack of memory
      dispatcher.breakDown("Nothing can be received from the workers any more", e);
    }

    @Override
    public boolean isOver() {
      return dispatcher.isEnded();
    }
  }
}
