package dev.mpipool.files;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Appends records to a new file. Each is the system's when {@link #append} returns, and the disk's
 * within a second.
 *
 * <p>Not a FileChannel, which an interrupt of the calling thread would close.
 */
final class ResultAppender implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(ResultAppender.class);

  private static final long SYNC_MILLIS = 1_000;

  private final Path path;
  private final RandomAccessFile file;
  private final ScheduledThreadPoolExecutor syncer;
  private long end;
  private volatile boolean unsynced = true;
  private boolean closed;

  ResultAppender(Path path, TaskList tasks) throws IOException {
    this.path = path;
    if (Files.exists(path)) {
      throw new FileAlreadyExistsException(path.toString());
    }
    file = new RandomAccessFile(path.toFile(), "rw");
    try {
      append(ResultFormat.header(tasks));
      WholeFile.syncFolder(path);
    } catch (IOException | RuntimeException e) {
      file.close();
      Files.deleteIfExists(path);
      throw e;
    }
    syncer = new ScheduledThreadPoolExecutor(1, ResultAppender::thread);
    syncer.scheduleWithFixedDelay(this::sync, SYNC_MILLIS, SYNC_MILLIS, TimeUnit.MILLISECONDS);
  }

  Path file() {
    return path;
  }

  /** Appends all of it or nothing; returns where it begins. */
  long append(byte[] record) throws IOException {
    long begin = end;
    try {
      file.write(record);
    } catch (IOException e) {
      file.setLength(begin); // what would follow half a record could not be read
      file.seek(begin);
      throw new IOException("%s: %s".formatted(path, e.getMessage()), e);
    }
    end = begin + record.length;
    unsynced = true;
    return begin;
  }

  /** Has what was appended written to the disk. */
  synchronized void sync() {
    if (unsynced && !closed) {
      unsynced = false;
      try {
        file.getFD().sync();
      } catch (IOException e) {
        LOG.warn("{} may not survive a crash of this machine", path, e);
      }
    }
  }

  @Override
  public synchronized void close() throws IOException {
    syncer.shutdown();
    sync();
    closed = true;
    file.close();
  }

  private static Thread thread(Runnable task) {
    Thread thread = new Thread(task, "mpipool-results");
    thread.setDaemon(true);
    return thread;
  }
}
