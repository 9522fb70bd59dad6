namespace Xenlet.Architecture.Tests.Planted.High;

/// <summary>What nothing of the lower floor may know. It is everything that one can know a type as.</summary>
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
