package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which main methods run on which Java, and what is said of the others. */
@SuppressWarnings({"IncorrectMainMethod", "UnusedMethod"}) // they are what is tested
class MainMethodTest {
  private static final List<String> RAN = new ArrayList<>();

  static class Classic {
    public static void main(String[] args) {
      RAN.add("classic " + args[0]);
    }

    static void main() {
      RAN.add("wrong");
    }
  }

  static class Inherits extends Classic {}

  static class PackagePrivate {
    static void main(String[] args) {
      RAN.add("package-private " + args[0]);
    }
  }

  static class WithoutArguments {
    public static void main() {
      RAN.add("without arguments");
    }
  }

  static class OfAnObject {
    void main() {
      RAN.add("of an object");
    }
  }

  static class OfAnObjectWithArguments {
    void main(String[] args) {
      RAN.add("of an object " + args[0]);
    }

    static void main() {
      RAN.add("wrong");
    }
  }

  static class NeedsAnArgument {
    NeedsAnArgument(int x) {
      RAN.add("constructor " + x);
    }

    void main() {
      RAN.add("wrong");
    }
  }

  static class Private {
    private static void main(String[] args) {
      RAN.add("wrong" + args.length);
    }
  }

  static class ReturnsANumber {
    public static int main(String[] args) {
      return args.length;
    }
  }

  static class None {}

  @BeforeEach
  void clear() {
    RAN.clear();
  }

  private static String run(Class<?> type, int java) throws Exception {
    MainMethod.of(type, java).invoke(new String[] {"x"});
    assertThat(RAN).hasSize(1);
    return RAN.get(0);
  }

  @ParameterizedTest
  @ValueSource(ints = {17, 21, 25, 26})
  void theClassicFormRunsOnEveryJava(int java) throws Exception {
    assertThat(run(Classic.class, java)).isEqualTo("classic x");
    RAN.clear();
    assertThat(run(Inherits.class, java)).isEqualTo("classic x");
  }

  @Test
  void theOtherFormsRunOnJava25() throws Exception {
    List<String> said = new ArrayList<>();
    for (Class<?> type :
        List.of(
            PackagePrivate.class,
            WithoutArguments.class,
            OfAnObject.class,
            OfAnObjectWithArguments.class)) {
      said.add(run(type, 25));
      RAN.clear();
    }
    assertThat(said)
        .containsExactly(
            "package-private x", "without arguments", "of an object", "of an object x");
  }

  @ParameterizedTest
  @ValueSource(
      classes = {
        PackagePrivate.class,
        WithoutArguments.class,
        OfAnObject.class,
        OfAnObjectWithArguments.class
      })
  void onAnOlderJavaTheMessageHasTheFormThatRuns(Class<?> type) {
    assertThatThrownBy(() -> MainMethod.of(type, 17))
        .hasMessageContaining(type.getSimpleName() + ".main")
        .hasMessageContaining("Java 17")
        .hasMessageContaining("declare it public static void main(String[] args)")
        .hasMessageContaining("Java 25");
  }

  @ParameterizedTest
  @ValueSource(classes = {None.class, Private.class, ReturnsANumber.class})
  void aClassWithoutMainIsToldWhatToAdd(Class<?> type) {
    for (int java : new int[] {17, 25}) {
      assertThatThrownBy(() -> MainMethod.of(type, java))
          .hasMessageContaining("has no main method: add public static void main(String[] args)");
    }
  }

  @Test
  void anObjectThatCannotBeMadeIsNamed() {
    assertThatThrownBy(() -> MainMethod.of(NeedsAnArgument.class, 25))
        .hasMessageContaining("NeedsAnArgument")
        .hasMessageContaining("declare main static");
  }

  @Test
  void theCheckLooksAtTheClassPathOfTheRanks() throws Exception {
    Path classes =
        Path.of(MainMethodTest.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    MainMethod.check(Classic.class.getName(), List.of(classes));
    assertThatThrownBy(() -> MainMethod.check(None.class.getName(), List.of(classes)))
        .hasMessageContaining("has no main method");
    assertThatThrownBy(() -> MainMethod.check(NeedsMissing.class.getName(), List.of(classes)))
        .hasMessageContaining("needs class org.junit.jupiter.api.extension.Extension")
        .hasMessageContaining("-cp");
  }

  abstract static class NeedsMissing implements org.junit.jupiter.api.extension.Extension {
    public static void main(String[] args) {
      RAN.add("wrong" + args.length);
    }
  }
}
