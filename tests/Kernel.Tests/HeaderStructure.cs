using System.Reflection;
using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Tests;

/// <summary>A structure of the nucleus that has its name, its fields and its layout from a C header.</summary>
internal static class HeaderStructure
{
    /// <summary>Checks a structure's size and the offsets of its fields.</summary>
    /// <param name="name">The structure's name.</param>
    /// <param name="size">Its size in bytes.</param>
    /// <param name="offsets">"field@offset", with blanks between.</param>
    public static void AssertLayout(string name, int size, string offsets)
    {
        Type type = Find(name);

        Assert.Equal(size, Marshal.SizeOf(type));
        foreach (string field in offsets.Split(' '))
        {
            string[] parts = field.Split('@');
            Assert.Equal((parts[0], int.Parse(parts[1], null)), (parts[0], (int)Marshal.OffsetOf(type, parts[0])));
        }
    }

    /// <summary>A structure's fields, in the order of its source.</summary>
    public static IEnumerable<string> Fields(string name) => Find(name)
        .GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
        .OrderBy(field => field.MetadataToken)
        .Select(field => field.Name);

    private static Type Find(string name) => typeof(Hypercall).Assembly.GetTypes().Single(
        type => type.Name == name && type.Namespace?.StartsWith("Xenlet.Kernel.Nucleus.", StringComparison.Ordinal) == true);
}
