package dev.mpipool.testing;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** What mpipool warns of while this is open. */
public final class Logged extends Handler implements AutoCloseable {

  private static final Logger ROOT = Logger.getLogger("dev.mpipool");

  private final List<String> messages = new CopyOnWriteArrayList<>();

  public Logged() {
    setLevel(Level.WARNING);
    ROOT.addHandler(this);
  }

  @Override
  public void publish(LogRecord entry) {
    if (isLoggable(entry)) {
      messages.add(entry.getMessage());
    }
  }

  /** The warnings so far. */
  public List<String> warnings() {
    return List.copyOf(messages);
  }

  @Override
  public void flush() {}

  @Override
  public void close() {
    ROOT.removeHandler(this);
  }
}
