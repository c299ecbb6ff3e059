package dev.mpipool.queue;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What happened in a map, as JSON objects, one a line. */
final class EventLog implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(EventLog.class);

  private final BufferedWriter out;

  EventLog(Path file) throws IOException {
    out = Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  /**
   * Writes a line, which is in the file when this returns; if that is impossible, work goes on.
   *
   * @param event what happened
   * @param details name, value, name, value...; numbers stay numbers
   */
  synchronized void log(String event, Object... details) {
    StringBuilder line = new StringBuilder("{\"time\":");
    line.append(string(Instant.now().truncatedTo(ChronoUnit.MILLIS).toString()));
    line.append(",\"event\":").append(string(event));
    for (int i = 0; i < details.length; i += 2) {
      line.append(',').append(string((String) details[i])).append(':');
      Object value = details[i + 1];
      line.append(value instanceof Number ? value.toString() : string(String.valueOf(value)));
    }
    try {
      out.append(line.append("}\n"));
      out.flush();
    } catch (IOException e) {
      LOG.warn("A line could not be added to the log of a map: {}", line, e);
    }
  }

  private static String string(String text) {
    StringBuilder json = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        json.append('\\').append(c);
      } else if (c == '\n') {
        json.append("\\n");
      } else if (c < ' ' || c > '~') {
        json.append("\\u%04x".formatted((int) c));
      } else {
        json.append(c);
      }
    }
    return json.append('"').toString();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
