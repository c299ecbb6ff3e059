package dev.mpipool.dispatch;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Message;
import dev.mpipool.wire.Threads;

/**
 * The one thread of main that receives. It hands everything on and never waits for anything else.
 */
public final class AnswerListener {

  private final Communicator communicator;
  private final Dispatcher dispatcher;
  private final Thread thread;

  /**
   * Starts the thread, as a daemon: a program may end without closing its pool.
   *
   * @param communicator to receive on
   * @param dispatcher gets what comes
   */
  public AnswerListener(Communicator communicator, Dispatcher dispatcher) {
    this.communicator = communicator;
    this.dispatcher = dispatcher;
    this.thread = new Thread(this::listen, "mpipool-listener");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Waits for the thread's end, which comes when the workers are gone.
   *
   * @param millis how long at most
   * @return whether it has ended
   */
  public boolean awaitEnd(long millis) {
    return Threads.join(thread, millis);
  }

  private void listen() {
    while (!dispatcher.isEnded()) {
      try {
        Message message = communicator.receive(Communicator.ANY_SOURCE, Communicator.ANY_TAG);
        dispatcher.received(message.source(), message.data());
      } catch (Throwable e) { // an answer may be lost, for example to an exhausted memory
        dispatcher.breakDown("Nothing can be received from the workers any more", e);
        return;
      }
    }
  }
}
