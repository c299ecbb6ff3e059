package dev.mpipool.serial;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandleInfo;
import java.lang.invoke.MethodType;
import java.lang.invoke.SerializedLambda;
import java.util.HashMap;
import java.util.Map;

/**
 * The names of the variables that a lambda has captured. They are the first parameters of the
 * method that the lambda's body was compiled to, and a class file that was compiled with {@code
 * -g}, as build tools do, has a table of their names.
 */
final class CapturedNames {

  private static final int HEADER_BYTES = 8;
  private static final int EXCEPTION_BYTES = 8;

  private final DataInputStream in;
  private final Map<Integer, String> texts = new HashMap<>();

  private CapturedNames(DataInputStream in) {
    this.in = in;
  }

  /**
   * The name of a captured variable.
   *
   * @param lambda what has captured it
   * @param index its place among the captured values
   * @param loader finds the class file
   * @return {@code this} for the object the lambda stands in; null if the class file does not tell
   */
  static String of(SerializedLambda lambda, int index, ClassLoader loader) {
    if (loader == null || !lambda.getImplMethodName().startsWith("lambda$")) {
      return null;
    }
    int slot = 0;
    int parameter = index;
    if (lambda.getImplMethodKind() != MethodHandleInfo.REF_invokeStatic) {
      if (index == 0) {
        return "this";
      }
      slot = 1;
      parameter--;
    }
    try (InputStream file = loader.getResourceAsStream(lambda.getImplClass() + ".class")) {
      if (file == null) {
        return null;
      }
      MethodType type =
          MethodType.fromMethodDescriptorString(lambda.getImplMethodSignature(), loader);
      for (Class<?> each : type.parameterList().subList(0, parameter)) {
        slot += each == long.class || each == double.class ? 2 : 1;
      }
      return new CapturedNames(new DataInputStream(file))
          .name(lambda.getImplMethodName(), lambda.getImplMethodSignature(), slot);
    } catch (IOException | RuntimeException | LinkageError e) {
      return null; // a message goes without the name
    }
  }

  /** The name of a method's variable. */
  private String name(String method, String signature, int slot) throws IOException {
    in.skipNBytes(HEADER_BYTES);
    readConstants();
    in.skipNBytes(3 * Short.BYTES); // flags, class, superclass
    in.skipNBytes((long) in.readUnsignedShort() * Short.BYTES);
    for (int fields = in.readUnsignedShort(); fields > 0; fields--) {
      in.skipNBytes(3 * Short.BYTES);
      skipAttributesBut("", null);
    }
    for (int methods = in.readUnsignedShort(); methods > 0; methods--) {
      in.skipNBytes(Short.BYTES);
      String own = text();
      String ownSignature = text();
      boolean isIt = own.equals(method) && ownSignature.equals(signature);
      String name = skipAttributesBut(isIt ? "Code" : "", () -> nameInCode(slot));
      if (isIt) {
        return name;
      }
    }
    return null;
  }

  private void readConstants() throws IOException {
    int count = in.readUnsignedShort();
    for (int i = 1; i < count; i++) {
      int tag = in.readUnsignedByte();
      switch (tag) {
        case 1 -> texts.put(i, in.readUTF());
        case 7, 8, 16, 19, 20 -> in.skipNBytes(2);
        case 15 -> in.skipNBytes(3);
        case 5, 6 -> {
          in.skipNBytes(Long.BYTES);
          i++; // counts twice
        }
        default -> in.skipNBytes(4);
      }
    }
  }

  private String text() throws IOException {
    return texts.getOrDefault(in.readUnsignedShort(), "");
  }

  private interface Reader {
    String read() throws IOException;
  }

  /** Reads the attributes of a name, and skips others. */
  private String skipAttributesBut(String wanted, Reader reader) throws IOException {
    String found = null;
    for (int attributes = in.readUnsignedShort(); attributes > 0; attributes--) {
      boolean isWanted = text().equals(wanted);
      int length = in.readInt();
      if (isWanted) {
        String read = reader.read();
        found = read == null ? found : read;
      } else {
        in.skipNBytes(length);
      }
    }
    return found;
  }

  private String nameInCode(int slot) throws IOException {
    in.skipNBytes(2 * Short.BYTES); // sizes of stack and variables
    in.skipNBytes(in.readInt());
    in.skipNBytes((long) in.readUnsignedShort() * EXCEPTION_BYTES);
    return skipAttributesBut("LocalVariableTable", () -> nameInTable(slot));
  }

  private String nameInTable(int slot) throws IOException {
    String found = null;
    for (int variables = in.readUnsignedShort(); variables > 0; variables--) {
      int start = in.readUnsignedShort();
      in.skipNBytes(Short.BYTES);
      String name = text();
      in.skipNBytes(Short.BYTES);
      if (in.readUnsignedShort() == slot && start == 0) {
        found = name;
      }
    }
    return found;
  }
}
