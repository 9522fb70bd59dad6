using Xenlet.Tool.Runs;

namespace Xenlet.Tool.Tests;

/// <summary>Which variables a command line of <c>dotnet run</c> gives the program.</summary>
public sealed class RunVariablesTests
{
    [Theory]
    [InlineData("dotnet run -e A=1 --environment B=2", "A B")]
    [InlineData("dotnet run --environment=A=1=2 -e:B= -e=C=x", "A B C")]
    [InlineData("dotnet run one.cs -c Release -e A=1 -- -e B=2", "A")]
    [InlineData("dotnet run -- -e A=1", "")]
    [InlineData("dotnet run -e", "")]
    [InlineData("dotnet run -e A -e =1", "")]
    [InlineData("dotnet run --environmental=A=1", "")]
    [InlineData("dotnet test -e A=1", "")]
    [InlineData("dotnet", "")]
    public void Are_named_before_the_programs_own_words(string line, string names) =>
        Assert.Equal(names, string.Join(' ', RunVariables.Named(line.Split(' '))));
}
