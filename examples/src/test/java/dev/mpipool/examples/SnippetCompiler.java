package dev.mpipool.examples;

import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/**
 * Compiles pieces of Java. What is no class stands in a method that has an executor, among the
 * usual imports.
 */
final class SnippetCompiler {
  private static final Pattern CLASS =
      Pattern.compile("(?m)^(?:public |final )*(?:class|interface|record) (\\w+)");

  private static final String IN_A_METHOD =
      """
      import dev.mpipool.*;
      import dev.mpipool.comm.*;
      import dev.mpipool.pool.*;
      import dev.mpipool.queue.*;
      import dev.mpipool.serial.*;
      import dev.mpipool.shared.*;
      import dev.mpipool.tasker.*;
      import java.io.*;
      import java.nio.ByteBuffer;
      import java.nio.file.*;
      import java.time.*;
      import java.util.*;
      import java.util.concurrent.*;
      import java.util.stream.*;
      import org.apache.commons.lang3.tuple.*;
      class Snippet {
        static MPIExecutor executor;
        static Pool pool;
        static Path folder;
        static List<List<Integer>> tasks;
        static String expensive(int x) {
          return "" + x;
        }
        static void work(int task, Communicator ranks) {}
        static class Statistics {
          static int sum(List<Integer> numbers) {
            return numbers.size();
          }
        }
        static void run(String[] args) throws Exception {
          %s
        }
      }
      """;

  private final Path folder;

  SnippetCompiler(Path folder) {
    this.folder = folder;
  }

  /** The compiler's complaints. */
  String compile(String snippet) {
    Matcher matcher = CLASS.matcher(snippet);
    boolean whole = matcher.find();
    return whole
        ? compile(matcher.group(1), snippet)
        : compile("Snippet", IN_A_METHOD.formatted(snippet));
  }

  private String compile(String name, String source) {
    JavaFileObject file =
        new SimpleJavaFileObject(
            URI.create("memory:///" + name + ".java"), JavaFileObject.Kind.SOURCE) {
          @Override
          public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return source;
          }
        };
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter complaints = new StringWriter();
    List<String> options =
        List.of(
            "-proc:none", "-d", folder.toString(), "-cp", System.getProperty("java.class.path"));
    compiler.getTask(complaints, null, null, options, null, List.of(file)).call();
    return complaints.toString();
  }
}
