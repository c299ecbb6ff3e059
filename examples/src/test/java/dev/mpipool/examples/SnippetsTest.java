package dev.mpipool.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every piece of Java in README and docs compiles. What is no class stands in a method that has an
 * executor, among the usual imports.
 */
class SnippetsTest {

  private static final Pattern SNIPPET = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
  private static final Pattern CLASS = Pattern.compile("\\bclass (\\w+)");

  @TempDir Path folder;

  private static Stream<Path> documents() throws IOException {
    Path home = Path.of("").toAbsolutePath().getParent();
    Stream<Path> docs;
    try (Stream<Path> found = Files.list(home.resolve("docs"))) {
      docs = found.filter(file -> file.toString().endsWith(".md")).sorted().toList().stream();
    }
    return Stream.concat(Stream.of(home.resolve("README.md")), docs);
  }

  private static List<String> snippets(Path document) {
    try {
      Matcher matcher = SNIPPET.matcher(Files.readString(document));
      return matcher.results().map((MatchResult result) -> result.group(1)).toList();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @TestFactory
  Stream<DynamicTest> everySnippetCompiles() throws IOException {
    return documents()
        .flatMap(
            document ->
                snippets(document).stream()
                    .map(
                        snippet ->
                            DynamicTest.dynamicTest(
                                document.getFileName() + ": " + snippet.lines().findFirst().get(),
                                () -> assertThat(compile(snippet)).isEmpty())));
  }

  @Test
  void readmeHasSnippetsAndAWrongOneWouldBeNoticed() throws IOException {
    assertThat(snippets(documents().findFirst().orElseThrow())).hasSizeGreaterThan(4);
    assertThat(compile("executor.submitt(() -> 1);")).contains("submitt");
  }

  /** The compiler's complaints. */
  private String compile(String snippet) {
    Matcher matcher = CLASS.matcher(snippet);
    boolean whole = matcher.find();
    String source =
        whole
            ? snippet
            : """
              import dev.mpipool.*;
              import dev.mpipool.comm.*;
              import dev.mpipool.pool.*;
              import dev.mpipool.queue.*;
              import dev.mpipool.shared.*;
              import dev.mpipool.tasker.*;
              import java.io.*;
              import java.nio.file.*;
              import java.time.*;
              import java.util.*;
              import java.util.concurrent.*;
              import java.util.stream.*;
              import org.apache.commons.lang3.tuple.*;
              class Snippet {
                static void run(String[] args, MPIExecutor executor) throws Exception {
                  %s
                }
              }
              """
                .formatted(snippet);
    return compile(whole ? matcher.group(1) : "Snippet", source);
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
