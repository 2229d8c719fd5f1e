"""Commands that query a bundle: recommendations, similar videos, vectors."""

from ytdnn.run.cli import command, recommend, similar, vectors

COMMANDS = (
    command.Command(
        "recommend",
        "recommend videos for a user or a request, or for all users into a file",
        "With --workdir and --user, reads the user's history from the prepared set and "
        "queries WORKDIR/bundle. With --bundle and --request, needs only the bundle; "
        "the request is a JSON object with the keys listed in the bundle's manifest. "
        "With --users and --out, recommends to all users of the log, or those of a "
        "file, in batches, and writes user_id, rank, video_id, title and score; the "
        "file appears once it is complete.",
        (
            "ytdnn recommend --workdir=runs/mine --user=42",
            "ytdnn recommend --bundle=runs/mine/bundle --request=request.json",
            "ytdnn recommend --workdir=runs/mine --users=all --k=50 --out=recs.parquet",
            "ytdnn recommend --workdir=runs/mine --users=members.csv --noranker "
            "--exclude=taken_down.txt --out=recs.csv",
        ),
        recommend.FLAGS,
        (),
        recommend.run,
    ),
    command.Command(
        "similar",
        "find the videos most similar to a video, or to each video into a file",
        "Similarity is the cosine of the videos' vectors without their bias. The video "
        "itself and removed videos are left out. Videos that were not watched in the "
        "training window have no vector. With --by, compares vectors of the log "
        "instead.",
        (
            "ytdnn similar --workdir=runs/mine --video=17",
            "ytdnn similar --workdir=runs/mine --video=17 --by=videos.clip",
            "ytdnn similar --workdir=runs/mine --all --k=20 --out=similar.parquet",
        ),
        similar.FLAGS,
        (),
        similar.run,
    ),
    command.Command(
        "vectors",
        "write the vectors of users or videos as Parquet",
        "Writes user_id or video_id and an array of float32. The dot product of a "
        "user's and a video's vector is the candidate score; the video's last "
        "coordinate is its bias, where the user's is 1.",
        (
            "ytdnn vectors --workdir=runs/mine --users=all --out=users.parquet",
            "ytdnn vectors --workdir=runs/mine --videos=all --out=videos.parquet",
        ),
        vectors.FLAGS,
        (),
        vectors.run,
    ),
)
