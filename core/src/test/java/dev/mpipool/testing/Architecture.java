package dev.mpipool.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the compiled classes of the module under test refer to, and how long its source files are.
 *
 * <p>The unit is the source file: nested classes and further classes of a file count as the file.
 * References are those in bytecode, so a constant that the compiler has inlined is not seen, and
 * Javadoc does not count.
 *
 * <p>The lists that the assertions take are exact: an entry that the code no longer needs fails the
 * test as well, and has to be deleted.
 */
public final class Architecture {

  /** The package of all of the product. In the lists below, names are relative to it. */
  private static final String PRODUCT = "dev.mpipool";

  /** The name of {@link #PRODUCT} itself in these lists. */
  private static final String FACE = "mpipool";

  private static final int LARGEST_CYCLE = 3;
  private static final int LONGEST_FILE = 500;

  /**
   * A source file, without ".java": {@code comm.Communicator}. Another library's is its package.
   */
  private record Source(String room, String name) {

    boolean isOurs() {
      return !name.equals("*");
    }

    @Override
    public String toString() {
      return room + "." + name;
    }
  }

  private final Path sources;

  /** From each source file to those that it refers to, itself excluded, each with one example. */
  private final Map<Source, Map<Source, String>> references = new HashMap<>();

  private Architecture(Path module) {
    sources = module.resolve("src/main");
    ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
    JavaClasses classes = new ClassFileImporter().importPath(module.resolve("target/classes"));
    assertThat(classes).as("classes of this module").isNotEmpty();
    for (JavaClass type : classes) {
      Map<Source, String> from = references.computeIfAbsent(source(type), s -> new HashMap<>());
      for (Dependency reference : type.getDirectDependenciesFromSelf()) {
        JavaClass target = reference.getTargetClass().getBaseComponentType();
        if (!target.isPrimitive()
            && !source(target).equals(source(type))
            && !isPermittedBy(target, type)) {
          from.putIfAbsent(source(target), reference.getDescription());
        }
      }
    }
  }

  /** The module whose tests are running, compiled. */
  public static Architecture ofThisModule() {
    return new Architecture(Path.of(System.getProperty("basedir", "")).toAbsolutePath());
  }

  /**
   * A sealed class and what it permits are one thing in several files: that a permitted class knows
   * the sealed one makes no cycle.
   */
  private static boolean isPermittedBy(JavaClass target, JavaClass type) {
    return type.getRawSuperclass()
        .filter(parent -> source(parent).equals(source(target)) && parent.reflect().isSealed())
        .isPresent();
  }

  private static Source source(JavaClass type) {
    String room = type.getPackageName();
    if (!room.equals(PRODUCT) && !room.startsWith(PRODUCT + ".")) {
      return new Source(room, "*");
    }
    room = room.equals(PRODUCT) ? FACE : room.substring(PRODUCT.length() + 1);
    String file =
        type.getSource()
            .flatMap(s -> s.getFileName())
            .orElse(type.getName().substring(type.getPackageName().length() + 1));
    return new Source(room, file.replaceFirst("[.$].*", ""));
  }

  /**
   * Asserts that each package refers only to what it may use.
   *
   * @param leaves files, with their packages, that may be used from everywhere, since they refer to
   *     nothing in the product but each other
   * @param map one line for each package of this module, from the roof down: {@code shared -> comm,
   *     files}. The packages it may use are further down, or in another module. A single file,
   *     which may be anywhere, is named with its package: {@code comm.Communicator}
   */
  public void assertRooms(Set<String> leaves, String map) {
    Map<String, Set<String>> rooms = new LinkedHashMap<>();
    for (String line : map.lines().toList()) {
      String[] parts = line.split("->", -1);
      rooms.put(
          parts[0].strip(),
          Stream.of(parts[1].split(",", -1))
              .map(String::strip)
              .filter(s -> !s.isEmpty())
              .collect(Collectors.toCollection(TreeSet::new)));
    }
    List<String> order = List.copyOf(rooms.keySet());
    Set<String> wrong = new TreeSet<>();
    rooms.forEach(
        (room, uses) ->
            uses.stream()
                .filter(used -> order.contains(used) && order.indexOf(used) < order.indexOf(room))
                .forEach(used -> wrong.add(room + " is below " + used + " and may not use it")));
    Set<String> unusedLeaves = new TreeSet<>(leaves);
    Map<String, Set<String>> unused = new TreeMap<>();
    Map<String, String> missing = new HashMap<>();
    rooms.forEach((room, uses) -> unused.put(room, new TreeSet<>(uses)));
    references.forEach(
        (from, targets) -> {
          Set<String> uses = rooms.get(from.room());
          if (uses == null) {
            wrong.add(from.room() + " is not in the map of this module");
            return;
          }
          boolean leaf = leaves.contains(from.toString());
          targets.forEach(
              (to, example) -> {
                if (leaf && to.isOurs() && !leaves.contains(to.toString())) {
                  wrong.add(from + " may be used from everywhere, so it may not use " + to);
                }
                if (!to.isOurs() || to.room().equals(from.room())) {
                  return;
                }
                if (leaves.contains(to.toString()) && !uses.contains(to.room())) {
                  unusedLeaves.remove(to.toString());
                  return;
                }
                String entry = uses.contains(to.toString()) ? to.toString() : to.room();
                unused.get(from.room()).remove(entry);
                if (!uses.contains(entry)) {
                  missing.putIfAbsent(from.room() + " may not use " + to, example);
                }
              });
        });
    unusedLeaves.forEach(leaf -> wrong.add(leaf + " is used from above only: delete it"));
    missing.forEach((what, example) -> wrong.add(what + ": " + example));
    unused.forEach(
        (room, uses) ->
            uses.forEach(used -> wrong.add(room + " uses " + used + " no longer: delete it")));
    assertNone(wrong);
  }

  /**
   * Asserts that each package refers only to what it may use.
   *
   * @param map as above; no file may be used from everywhere
   */
  public void assertRooms(String map) {
    assertRooms(Set.of(), map);
  }

  /**
   * Asserts that the source files of a package refer to files of their own layer and of layers
   * further down only.
   *
   * @param map one line for each layer, from the roof down: {@code progress: Progress,
   *     DeviceRequest}. Each file of the package is in exactly one line
   */
  public void assertLayers(String room, String map) {
    Map<String, Integer> layers = new HashMap<>();
    Set<String> wrong = new TreeSet<>();
    List<String> lines = map.lines().toList();
    for (String line : lines) {
      for (String name : line.split(":", -1)[1].split(",", -1)) {
        if (layers.put(name.strip(), lines.indexOf(line)) != null) {
          wrong.add(name.strip() + " is in two layers");
        }
      }
    }
    Set<String> unused = new TreeSet<>(layers.keySet());
    for (Source from : references.keySet()) {
      if (!from.room().equals(room) || from.name().equals("package-info")) {
        continue;
      }
      unused.remove(from.name());
      if (!layers.containsKey(from.name())) {
        wrong.add(from + " is in no layer");
        continue;
      }
      references
          .get(from)
          .forEach(
              (to, example) -> {
                if (to.room().equals(room)
                    && layers.getOrDefault(to.name(), 0) < layers.get(from.name())) {
                  wrong.add(from + " is below " + to + " and may not use it: " + example);
                }
              });
    }
    unused.forEach(name -> wrong.add("There is no " + name + " in " + room + ": delete it"));
    assertNone(wrong);
  }

  /**
   * Asserts that outside the product this module refers only to the JDK's {@code java} packages and
   * to packages with these prefixes.
   */
  public void assertLibraries(String... prefixes) {
    Set<String> unused = new TreeSet<>(List.of(prefixes));
    Set<String> wrong = new TreeSet<>();
    references.forEach(
        (from, targets) ->
            targets.forEach(
                (to, example) -> {
                  if (to.isOurs() || to.room().startsWith("java.")) {
                    return;
                  }
                  String prefix =
                      Stream.of(prefixes)
                          .filter(p -> (to.room() + ".").startsWith(p + "."))
                          .findFirst()
                          .orElse(null);
                  if (prefix == null) {
                    wrong.add(from + " may not use " + to + ": " + example);
                  } else {
                    unused.remove(prefix);
                  }
                }));
    unused.forEach(prefix -> wrong.add(prefix + " is used no longer: delete it"));
    assertNone(wrong);
  }

  /** Asserts that in no package more than three source files refer to each other in a cycle. */
  public void assertCycles() {
    Map<String, Set<Source>> rooms = new TreeMap<>();
    references
        .keySet()
        .forEach(file -> rooms.computeIfAbsent(file.room(), r -> new HashSet<>()).add(file));
    Set<String> wrong = new TreeSet<>();
    rooms.forEach(
        (room, files) ->
            cycles(files).stream()
                .filter(cycle -> cycle.size() > LARGEST_CYCLE)
                .forEach(cycle -> wrong.add(room + " has a cycle of" + describe(cycle))));
    assertNone(wrong);
  }

  private String describe(Set<Source> cycle) {
    return cycle.stream()
        .sorted(Comparator.comparing(Source::name))
        .map(
            from ->
                references.get(from).keySet().stream()
                    .filter(cycle::contains)
                    .map(Source::name)
                    .sorted()
                    .collect(Collectors.joining(", ", "\n    " + from.name() + " -> ", "")))
        .collect(Collectors.joining("", " " + cycle.size() + " files:", ""));
  }

  /** The sets of files of which each reaches each, those of one file left out. */
  private List<Set<Source>> cycles(Set<Source> files) {
    Map<Source, Set<Source>> reach = new HashMap<>();
    files.forEach(file -> reach.put(file, reachable(file, files)));
    List<Set<Source>> found = new ArrayList<>();
    Set<Source> done = new HashSet<>();
    for (Source file : files) {
      Set<Source> cycle =
          reach.get(file).stream()
              .filter(other -> reach.get(other).contains(file))
              .collect(Collectors.toSet());
      if (!cycle.isEmpty() && done.add(file)) {
        done.addAll(cycle);
        found.add(cycle);
      }
    }
    return found;
  }

  private Set<Source> reachable(Source start, Set<Source> within) {
    Set<Source> seen = new HashSet<>();
    Deque<Source> open = new ArrayDeque<>(List.of(start));
    while (!open.isEmpty()) {
      for (Source next : references.get(open.pop()).keySet()) {
        if (within.contains(next) && seen.add(next)) {
          open.push(next);
        }
      }
    }
    return seen;
  }

  /** Asserts that no source file has more than 500 lines. */
  public void assertLengths() {
    Set<String> wrong = new TreeSet<>();
    try (Stream<Path> tree = Files.walk(sources)) {
      for (Path file : tree.filter(f -> f.toString().endsWith(".java")).toList()) {
        int lines = Files.readAllLines(file).size();
        if (lines > LONGEST_FILE) {
          wrong.add("%s has %d lines".formatted(sources.relativize(file), lines));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    assertNone(wrong);
  }

  private static void assertNone(Set<String> wrong) {
    if (!wrong.isEmpty()) {
      fail("See \"Architecture tests\" in docs/architecture.md:\n" + String.join("\n", wrong));
    }
  }
}
