package dev.mpipool.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The tests that docs/compared-tests.md names are there. */
class ComparedTestsTest {

  private static final Path HOME = Path.of("").toAbsolutePath().getParent();
  private static final Pattern OURS = Pattern.compile("\\b([A-Z]\\w*(?:Test|IT))\\.([a-z]\\w*)");

  /** Of a table with two columns; what is in the second. */
  private static final Pattern ROW =
      Pattern.compile("^\\|[^|\n]*\\|([^|\n]*)\\|$", Pattern.MULTILINE);

  private static boolean exists(String test) {
    Matcher name = OURS.matcher(test);
    String file = name.matches() ? name.group(1) + ".java" : "";
    try (Stream<Path> modules = Files.list(HOME)) {
      Pattern method = Pattern.compile("void " + name.group(2) + "\\(");
      for (Path tests : modules.map(module -> module.resolve("src/test/java")).toList()) {
        if (Files.isDirectory(tests) && declares(tests, file, method)) {
          return true;
        }
      }
      return false;
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static boolean declares(Path tests, String file, Pattern method) throws IOException {
    try (Stream<Path> found = Files.walk(tests)) {
      for (Path source : found.filter(path -> path.endsWith(file)).toList()) {
        if (method.matcher(Files.readString(source)).find()) {
          return true;
        }
      }
      return false;
    }
  }

  @Test
  void everyTestThatIsNamedExists() throws IOException {
    Set<String> named = new TreeSet<>();
    String document = Files.readString(HOME.resolve("docs/compared-tests.md"));
    ROW.matcher(document)
        .results()
        .flatMap(row -> OURS.matcher(row.group(1)).results())
        .forEach(test -> named.add(test.group()));

    assertThat(named).hasSizeGreaterThan(40);
    assertThat(named.stream().filter(Predicate.not(ComparedTestsTest::exists))).isEmpty();
    assertThat(exists("ComparedTestsTest.noSuchTest")).isFalse();
  }
}
