package dev.mpipool.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Every relative link of the documents leads to a file that exists, and to a heading of it. */
class LinksTest {
  private static final Pattern FENCED = Pattern.compile("(?ms)^ *```.*?^ *```");
  private static final Pattern INDENTED = Pattern.compile("(?m)^ {4}.*$");
  private static final Pattern CODE = Pattern.compile("`[^`\n]*`");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern ELSEWHERE = Pattern.compile("[a-z]+:.*");
  private static final Pattern HEADING = Pattern.compile("(?m)^#{1,6} +(.*?) *$");
  private static final Pattern NOT_IN_ANCHORS = Pattern.compile("[^\\p{L}\\p{N} _-]");

  /** What the archive has in the same place, by dist/src/assembly/bin.xml. */
  private static final List<String> IN_ARCHIVE =
      List.of(
          "docs",
          "examples/starter",
          "README.md",
          "CHANGELOG.md",
          "CONTRIBUTING.md",
          "LICENSE",
          "NOTICE");

  @TestFactory
  Stream<DynamicTest> everyLinkLeadsSomewhere() throws IOException {
    return DynamicTest.stream(
        Documents.all().stream(),
        Documents::name,
        document -> assertThat(broken(document)).isEmpty());
  }

  @TestFactory
  Stream<DynamicTest> everyLinkLeadsToWhatTheArchiveHasToo() throws IOException {
    return DynamicTest.stream(
        Documents.all().stream(),
        Documents::name,
        document -> assertThat(links(document)).allMatch(link -> inArchive(document, link)));
  }

  @Test
  void theContentsListEveryPage() throws IOException {
    List<Path> listed =
        links(Documents.CONTENTS).stream()
            .map(link -> Documents.CONTENTS.resolveSibling(link.split("#", 2)[0]).normalize())
            .toList();

    assertThat(Documents.all())
        .filteredOn(page -> page.startsWith(Documents.CONTENTS.getParent()))
        .filteredOn(page -> !page.equals(Documents.CONTENTS))
        .hasSizeGreaterThan(15)
        .isSubsetOf(listed);
  }

  @Test
  void brokenLinksAreNoticed(@TempDir Path folder) throws IOException {
    Path page = folder.resolve("page.md");
    Files.writeString(folder.resolve("other.md"), "# A `heading`, twice\n\n# A heading, twice\n");
    Files.writeString(
        page,
        """
        # Here
        [1](other.md#a-heading-twice) [2](other.md#a-heading-twice-1) [3](#here) [4](https://host/none)
        ![5](none.svg) [6](other.md#none) [7](#none) `[8](code.md)`

            [9](code.md)

        ```text
        # No heading
        [10](code.md)
        ```
        [11](#no-heading)
        """);

    assertThat(broken(page)).containsExactly("none.svg", "other.md#none", "#none", "#no-heading");
  }

  private static List<String> broken(Path document) {
    return links(document).stream().filter(link -> !leadsSomewhere(document, link)).toList();
  }

  private static List<String> links(Path document) {
    String text = CODE.matcher(withoutBlocks(document)).replaceAll("");
    return LINK.matcher(text)
        .results()
        .map(found -> found.group(1))
        .filter(link -> !ELSEWHERE.matcher(link).matches())
        .toList();
  }

  private static Path file(Path document, String link) {
    String path = link.split("#", 2)[0];
    return path.isEmpty() ? document : document.resolveSibling(path);
  }

  private static boolean leadsSomewhere(Path document, String link) {
    String[] parts = link.split("#", 2);
    Path file = file(document, link);
    return Files.exists(file) && (parts.length == 1 || anchors(file).contains(parts[1]));
  }

  private static boolean inArchive(Path document, String link) {
    Path file = file(document, link).normalize();
    return IN_ARCHIVE.stream().anyMatch(each -> file.startsWith(Documents.file(each)));
  }

  /** The anchors that GitHub gives to the headings of a page. */
  private static List<String> anchors(Path document) {
    Map<String, Integer> seen = new HashMap<>();
    List<String> anchors = new ArrayList<>();
    Matcher headings = HEADING.matcher(withoutBlocks(document));
    while (headings.find()) {
      String text = NOT_IN_ANCHORS.matcher(headings.group(1)).replaceAll("");
      String anchor = text.toLowerCase(Locale.ROOT).replace(' ', '-');
      int before = seen.merge(anchor, 1, Integer::sum) - 1;
      anchors.add(before == 0 ? anchor : anchor + "-" + before);
    }
    return anchors;
  }

  private static String withoutBlocks(Path document) {
    String text = FENCED.matcher(Documents.read(document)).replaceAll("");
    return INDENTED.matcher(text).replaceAll("");
  }
}
