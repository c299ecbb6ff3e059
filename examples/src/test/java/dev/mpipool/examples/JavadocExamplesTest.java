package dev.mpipool.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every public type of core and pool-compat that is for programs has an example in its Javadoc,
 * which compiles, or says where one is.
 */
class JavadocExamplesTest {
  private static final List<String> PACKAGES =
      List.of(
          "core/src/main/java/dev/mpipool",
          "core/src/main/java/dev/mpipool/comm",
          "core/src/main/java/dev/mpipool/shared",
          "pool-compat/src/main/java/dev/mpipool/pool",
          "pool-compat/src/main/java/dev/mpipool/queue",
          "pool-compat/src/main/java/dev/mpipool/tasker");

  /** The types of package serial that are for programs. */
  private static final List<String> SERIALIZERS =
      List.of(
          "core/src/main/java/dev/mpipool/serial/Serializer.java",
          "core/src/main/java/dev/mpipool/serial/ForySerializer.java");

  /** The Javadoc of a public type: what stands before its declaration and its annotations. */
  private static final Pattern JAVADOC =
      Pattern.compile(
          "(?ms)^/\\*\\*((?:(?!\\*/).)*)\\*/\n(?:@[^\n]*\n)*^public [^\n]*?(?:class|interface|record|enum) ");

  private static final Pattern CODE = Pattern.compile("(?s)<pre>\\{@code\n(.*?)\n\\}</pre>");
  private static final Pattern LEADS_TO_ONE =
      Pattern.compile("(?is)examples?\\b.*\\{@link|\\{@link.*\\bexample|Not\\s+for\\s+programs");

  @TempDir Path folder;

  @TestFactory
  Stream<DynamicTest> everyPublicTypeShowsItsUse() throws IOException {
    List<Path> types = publicTypes();
    assertThat(types).hasSizeGreaterThan(60);
    return types.stream()
        .map(
            type ->
                DynamicTest.dynamicTest(
                    Documents.name(type), () -> assertThat(complaints(type)).isEmpty()));
  }

  private String complaints(Path type) {
    String text = javadoc(type).orElseThrow();
    Matcher code = CODE.matcher(text);
    StringBuilder complaints = new StringBuilder();
    boolean any = false;
    while (code.find()) {
      any = true;
      complaints.append(new SnippetCompiler(folder).compile(code.group(1)));
    }
    return any || LEADS_TO_ONE.matcher(text).find() ? complaints.toString() : "has no example";
  }

  private static List<Path> publicTypes() throws IOException {
    Stream<Path> files = SERIALIZERS.stream().map(Documents::file);
    for (String each : PACKAGES) {
      try (Stream<Path> found = Files.list(Documents.file(each))) {
        files = Stream.concat(files, found.toList().stream().sorted());
      }
    }
    return files
        .filter(file -> file.toString().endsWith(".java"))
        .filter(file -> javadoc(file).isPresent())
        .toList();
  }

  /** What the Javadoc of the public type of a file says, without the stars before its lines. */
  private static Optional<String> javadoc(Path file) {
    Matcher matcher = JAVADOC.matcher(Documents.read(file));
    return matcher.find()
        ? Optional.of(matcher.group(1).replaceAll("(?m)^ \\* ?", ""))
        : Optional.empty();
  }
}
