using System.Reflection;
using System.Runtime.CompilerServices;

namespace Xenlet.Net.Tests.Simulation;

/// <summary>
/// Counts the memory that an object keeps alive: its fields are followed, but not into what belongs to tests. Other tests that run at the
/// same time do not count, as they would in the collector's figures.
/// </summary>
internal static class RetainedMemory
{
    private const int ObjectHeader = 16;
    private static readonly Dictionary<Type, FieldInfo[]> Fields = [];

    /// <summary>The bytes, about.</summary>
    public static long Of(object root)
    {
        lock (Fields)
        {
            HashSet<object> seen = new(ReferenceEqualityComparer.Instance);
            Stack<object> rest = new();
            rest.Push(root);
            long bytes = 0;
            while (rest.TryPop(out object? next))
            {
                if (seen.Add(next))
                {
                    bytes += ObjectHeader + Count(next, rest);
                }
            }

            return bytes;
        }
    }

    private static long Count(object counted, Stack<object> found)
    {
        Type type = counted.GetType();
        if (type.Assembly == typeof(RetainedMemory).Assembly || counted is MemberInfo or Assembly or Module or Thread or Pointer)
        {
            return 0;
        }

        if (counted is string text)
        {
            return 2 * text.Length;
        }

        if (counted is Delegate called)
        {
            return called.Target is { } target ? Value(target, target.GetType(), found) : 8;
        }

        if (counted is not Array array)
        {
            return Follow(counted, type, found);
        }

        Type element = type.GetElementType()!;
        if (element.IsPrimitive)
        {
            return Buffer.ByteLength(array);
        }

        long bytes = 0;
        foreach (object? each in array)
        {
            bytes += Value(each, element, found);
        }

        return bytes;
    }

    private static long Follow(object holder, Type type, Stack<object> found)
    {
        long bytes = 0;
        for (Type? part = type; part is not null; part = part.BaseType)
        {
            if (!Fields.TryGetValue(part, out FieldInfo[]? fields))
            {
                const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
                Fields.Add(part, fields = part.GetFields(Own));
            }

            foreach (FieldInfo field in fields)
            {
                bool isLeaf = field.FieldType.IsPrimitive || field.FieldType.IsPointer;
                bytes += isLeaf ? 8 : Value(field.GetValue(holder), field.FieldType, found);
            }
        }

        return bytes;
    }

    private static long Value(object? value, Type type, Stack<object> found)
    {
        if (type.IsValueType && value is not null && !type.IsPrimitive && !type.IsEnum)
        {
            return type.IsDefined(typeof(InlineArrayAttribute)) ? ObjectHeader : Follow(value, value.GetType(), found);
        }

        if (!type.IsValueType && value is not null)
        {
            found.Push(value);
        }

        return 8;
    }
}
