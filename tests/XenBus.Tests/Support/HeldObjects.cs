using System.Collections;
using System.Globalization;
using System.Reflection;

namespace Xenlet.XenBus.Tests;

/// <summary>What a bus keeps in memory, by walking from object to object.</summary>
internal static class HeldObjects
{
    /// <summary>
    /// Counts by type, such as "3 Xenlet.XenBus.XenDevice", what can be reached from <paramref name="root"/> through the bus's own objects,
    /// their delegates and collections. What belongs to others (the store's client, drivers, tasks) is counted and not looked into.
    /// </summary>
    public static string[] Count(object root)
    {
        HashSet<object> seen = new(ReferenceEqualityComparer.Instance);
        Stack<object> left = new([root]);
        Dictionary<string, int> counts = new(StringComparer.Ordinal);
        while (left.TryPop(out object? next))
        {
            if (!next.GetType().IsValueType && !seen.Add(next))
            {
                continue;
            }

            if (!next.GetType().IsValueType)
            {
                string name = next.GetType().ToString();
                counts[name] = counts.GetValueOrDefault(name) + 1;
            }

            foreach (object? value in Parts(next))
            {
                if (value is not null && !value.GetType().IsPrimitive && !value.GetType().IsEnum && !value.GetType().IsPointer)
                {
                    left.Push(value);
                }
            }
        }

        return [.. counts.Select(count => string.Create(CultureInfo.InvariantCulture, $"{count.Value} {count.Key}"))];
    }

    private static IEnumerable<object?> Parts(object owner) => owner switch
    {
        // The unused capacity of a collection does not count.
        string => [],
        IEnumerable items when owner.GetType().Namespace?.StartsWith("System", StringComparison.Ordinal) == true => items.Cast<object?>(),
        Delegate work => [work.Target],
        _ when owner.GetType().Assembly == typeof(DeviceBus).Assembly || owner.GetType().IsValueType => Fields(owner),
        _ => [],
    };

    private static IEnumerable<object?> Fields(object owner)
    {
        for (Type? type = owner.GetType(); type is not null; type = type.BaseType)
        {
            foreach (FieldInfo field in type.GetFields(
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                if (!field.FieldType.IsPointer && !field.FieldType.IsByRefLike)
                {
                    yield return field.GetValue(owner);
                }
            }
        }
    }
}
