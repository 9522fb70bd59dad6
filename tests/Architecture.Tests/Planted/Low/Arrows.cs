// Each of these types refers to HighType in exactly one way.
#pragma warning disable CA1812 // Never made: only the compiled form is read.
#pragma warning disable CA1823, CS0169, IDE0051, IDE0052 // Fields that nobody uses.
using Xenlet.Architecture.Tests.Planted.High;

namespace Xenlet.Architecture.Tests.Planted.Low;

internal sealed class KnowsItAsBase : HighType;

internal sealed class KnowsItAsInterface : HighType.INested;

internal sealed class KnowsItAsConstraint<T>
    where T : HighType;

[HighType]
internal sealed class KnowsItAsAttribute;

internal sealed class KnowsItAsAttributesArgument
{
    [System.ComponentModel.TypeConverter(typeof(HighType))]
    public int Value { get; set; }
}

internal sealed class KnowsItAsField
{
    private readonly HighType? _field;
}

internal sealed class KnowsItAsArrayInAGenericField
{
    private readonly List<HighType[]>? _field;
}

internal sealed class KnowsItAsParameter
{
    public static void Take(in HighType value) => _ = value;
}

internal interface IKnowItAsResult
{
    HighType? Get();
}

internal sealed unsafe class KnowsItAsPointersParameter
{
    private readonly delegate*<HighType, void> _pointer;
}

internal sealed class KnowsItAsCall
{
    public static void Do() => HighType.Call();
}

internal sealed class KnowsItAsGenericCallsArgument
{
    public static object Do() => Array.Empty<HighType>();
}

internal sealed class KnowsItAsTypeOf
{
    public static object Do() => typeof(HighType);
}

internal sealed class KnowsItAsCast
{
    public static bool Do(object value) => value is HighType;
}

internal sealed class KnowsItAsCaught
{
    public static void Do()
    {
        try
        {
            GC.KeepAlive(null);
        }
        catch (HighType.Failure)
        {
        }
    }
}

internal sealed class KnowsItInALambda
{
    public static Func<object?> Do(int value) => () => value > 0 ? HighType.Shared : null;
}

internal sealed class KnowsItInANestedType
{
    private sealed class Nested
    {
        private readonly HighType? _field;
    }
}

internal sealed class KnowsNone
{
    public static int Value { get; set; }
}
