namespace Xenlet.Architecture.Tests.Planted.High;

/// <summary>A type that the lower floor must not refer to. It can be used in every way in which a type can be.</summary>
[AttributeUsage(AttributeTargets.All, AllowMultiple = true)]
internal class HighType : Attribute
{
    public static HighType? Shared { get; set; }

    public static void Call()
    {
    }

    public interface INested;

    public sealed class Failure : Exception;
}
