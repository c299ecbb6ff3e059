package dev.mpipool.testing;

import dev.mpipool.serial.Serializer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A serializer for which the text "huge" takes almost 2 GiB: a file with nothing in it, which costs
 * neither memory nor disk. Everything else is as it is with another serializer.
 *
 * @param other for everything else
 * @param folder for the file
 */
public record Huge(Serializer other, Path folder) implements Serializer {

  @Override
  public ByteBuffer encode(Object value) throws Exception {
    return "huge".equals(value) || value.toString().contains("huge") ? huge() : other.encode(value);
  }

  @Override
  public Object decode(ByteBuffer bytes) throws Exception {
    return other.decode(bytes);
  }

  private ByteBuffer huge() throws IOException {
    Path file = Files.createTempFile(folder, "huge", null);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      return channel.map(FileChannel.MapMode.READ_WRITE, 0, Integer.MAX_VALUE - 100);
    }
  }
}
