package dev.mpipool.launcher;

import java.io.IOException;
import java.io.OutputStream;

/**
 * Where the lines of several writers come together. Each writer brings whole lines, but for its
 * last one.
 */
final class LineSink {
  private final OutputStream out;
  private Object writerOfOpenLine;

  LineSink(OutputStream out) {
    this.out = out;
  }

  synchronized void write(Object writer, byte[] bytes) {
    if (bytes.length == 0) {
      return;
    }
    try {
      if (writerOfOpenLine != null && writerOfOpenLine != writer) {
        out.write('\n');
      }
      out.write(bytes);
      out.flush();
    } catch (IOException e) {
      // The output is no longer read: the ranks' output is drained all the same, so that they do
      // not wait
      // for ever.
    }
    writerOfOpenLine = bytes[bytes.length - 1] == '\n' ? null : writer;
  }
}
