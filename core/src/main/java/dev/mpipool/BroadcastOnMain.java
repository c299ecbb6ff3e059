package dev.mpipool;

import dev.mpipool.dispatch.Dispatcher;
import dev.mpipool.memory.Unreachable;
import dev.mpipool.serial.Handle;
import dev.mpipool.serial.InternalType;
import dev.mpipool.serial.SharedValue;
import dev.mpipool.worker.SharedValues;
import dev.mpipool.worker.TaskContext;
import java.io.InvalidObjectException;
import java.io.ObjectStreamException;

/** A broadcast value where it comes from. What travels in tasks is its number. */
final class BroadcastOnMain<T> implements Broadcast<T>, Handle {

  private static final long serialVersionUID = 1;

  private final transient Dispatcher dispatcher;
  private final transient SharedValue shared;
  private transient T value;
  private transient boolean closed;

  BroadcastOnMain(Dispatcher dispatcher, SharedValue shared, T value) {
    this.dispatcher = dispatcher;
    this.shared = shared;
    this.value = value;
    Unreachable.whenUnreachable(this, () -> dispatcher.unshareWhenIdle(shared));
  }

  @Override
  public synchronized T value() {
    checkOpen();
    return value;
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      value = null;
    }
    dispatcher.unshare(shared);
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("The broadcast value has been closed");
    }
  }

  private synchronized Object writeReplace() {
    checkOpen();
    return new Ticket(shared.number());
  }

  /** What travels. */
  private record Ticket(long number) implements InternalType {
    private Object readResolve() throws ObjectStreamException {
      SharedValues values =
          TaskContext.shared()
              .orElseThrow(
                  () ->
                      new InvalidObjectException(
                          "A broadcast handle travels to workers only, not back"));
      return values
          .find(number)
          .<Object>map(found -> new OnWorker<>(number, found))
          .orElseThrow(
              () ->
                  new InvalidObjectException(
                      "The broadcast value has been closed, or belongs to another pool"));
    }
  }

  /** The handle as tasks have it. */
  private static final class OnWorker<T> implements Broadcast<T>, Handle {

    private static final long serialVersionUID = 1;

    private final transient SharedValues.Value value;
    private final long number;

    OnWorker(long number, SharedValues.Value value) {
      this.number = number;
      this.value = value;
    }

    @Override
    @SuppressWarnings("unchecked") // main has sent a T under this number
    public T value() {
      try {
        return (T) value.get();
      } catch (Exception e) {
        throw new IllegalStateException("The broadcast value could not be read: " + e, e);
      }
    }

    /** Only main can take it back. */
    @Override
    public void close() {
      throw new IllegalStateException("A task cannot close a broadcast value: close it on main");
    }

    private Object writeReplace() {
      return new Ticket(number);
    }
  }
}
