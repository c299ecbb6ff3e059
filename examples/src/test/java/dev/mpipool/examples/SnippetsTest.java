package dev.mpipool.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Every piece of Java in the documents compiles. */
class SnippetsTest {

  private static final Pattern SNIPPET = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

  @TempDir Path folder;

  private static List<String> snippets(Path document) {
    return SNIPPET
        .matcher(Documents.read(document))
        .results()
        .map((MatchResult result) -> result.group(1))
        .toList();
  }

  @TestFactory
  Stream<DynamicTest> everySnippetCompiles() throws IOException {
    return Documents.all().stream()
        .flatMap(
            document ->
                snippets(document).stream()
                    .map(
                        snippet ->
                            DynamicTest.dynamicTest(
                                Documents.name(document)
                                    + ": "
                                    + snippet.lines().findFirst().orElseThrow(),
                                () -> assertThat(compile(snippet)).isEmpty())));
  }

  @Test
  void readmeHasSnippetsAndAWrongOneWouldBeNoticed() {
    assertThat(snippets(Documents.README)).hasSizeGreaterThan(4);
    assertThat(compile("executor.submitt(() -> 1);")).contains("submitt");
  }

  private String compile(String snippet) {
    return new SnippetCompiler(folder).compile(snippet);
  }
}
