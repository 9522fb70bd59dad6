using Xenlet.Nucleus.Tests.Analysis;

namespace Xenlet.Nucleus.Tests;

/// <summary>The program of <c>Planted/</c>, compiled by ILC once for all tests.</summary>
public sealed class PlantedProgram
{
    public PlantedProgram() =>
        Image = ElfCode.Load(Path.Combine(PublishedPrograms.Publish("tests/Nucleus.Tests/Planted/Planted.csproj", "Planted"), "Planted"));

    internal CodeImage Image { get; }
}
