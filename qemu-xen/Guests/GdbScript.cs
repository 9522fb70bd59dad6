using System.Globalization;

namespace Xenlet.QemuXen;

/// <summary>The commands that gdb needs to debug a guest that waits at <see cref="DirectBootOptions.GdbPort"/>.</summary>
public static class GdbScript
{
    /// <summary>The text of a file for <c>gdb -x FILE IMAGE</c>, where the image's symbols lie beside it.</summary>
    /// <param name="port">The port on which QEMU serves gdb.</param>
    /// <remarks>
    /// A machine starts in 16-bit mode, and gdb would then know only that mode's registers. The compiler names a method
    /// ASSEMBLY_NAMESPACE_TYPE__METHOD; <c>csbreak</c> converts a C# name to that.
    /// </remarks>
    public static string Text(int port) => string.Create(CultureInfo.InvariantCulture, $"""
        set confirm off
        set architecture i386:x86-64
        target remote 127.0.0.1:{port}

        define csbreak
          python gdb.execute("rbreak _" + "__".join("$arg0".rsplit(".", 1)).replace(".", "_") + "$")
        end
        document csbreak
        csbreak TYPE.METHOD sets a breakpoint at a method by its C# name, with as much of the namespace as it takes.
        end

        """);
}
