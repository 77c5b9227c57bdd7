"""What the bot says, in English and Russian: about the emotion that a post expresses, never about people."""

from __future__ import annotations

from collections.abc import Mapping

ENGLISH: Mapping[str, str] = {
    "start": (
        "Hello! Send me a post: a text, a picture, a picture with a caption, or an album. Forwarded "
        "posts are welcome, too. I tell which emotion the post expresses, and what speaks for it.\n\n"
        "/help – what I can read\n"
        "/privacy – what happens with what you send"
    ),
    "help": (
        "I read texts, pictures (as a photo or as a file), pictures with a caption, and albums: each "
        "picture of an album is predicted together with the album's caption.\n\n"
        "The answer says which emotion the post expresses, how probable that is, and how much of it "
        "comes from the text and how much from the picture. In the small picture, blue regions speak "
        "for the label, orange ones against it.\n\n"
        "It is a statistical model's view of the post, not of the person who wrote it. It errs, most "
        "of all with irony and with languages it has seen little of."
    ),
    "privacy": (
        "What you send is predicted in the memory of the computer that runs this bot and forgotten once "
        "the answer is out. No text, picture, name or chat is kept or logged; only the numbers of "
        "answered updates are, so that nothing is answered twice. Telegram itself keeps this chat."
    ),
    "privacy_feedback": (
        "If you press a button under an answer, the time, the label and your verdict are written "
        "down; not the post and not who you are."
    ),
    "privacy_keep": (
        "If you press a button under an answer, the time, the label, your verdict and the post itself (text "
        "and picture) are written down; not who you are. Press none, and nothing is kept."
    ),
    "unsupported": (
        "I read texts and pictures only. Send the post as a text, a photo, or an image file – from a video, "
        "perhaps a single frame."
    ),
    "too_large": (
        "This picture is too large for me. Please send one of at most {most} MB, or send it as a photo."
    ),
    "broken": (
        "I cannot read this picture: it may be damaged, or of a format that I do not know. JPEG and PNG work."
    ),
    "gone": "Telegram did not give me this picture. Please send it once more.",
    "blank": "This post has no words and no picture, so there is nothing to predict.",
    "unreadable": "I cannot predict this post: the model of this bot does not read this kind of post.",
    "failed": "Something went wrong while I predicted this post. Please try again later.",
    "expresses": "The post expresses: {label} ({percent})",
    "from_both": "Share of the decision: text {text}, picture {image}",
    "from_text": "Predicted from the text alone.",
    "from_image": "Predicted from the picture alone.",
    "mixed": "Text and picture disagree: the text alone reads as {text}, the picture alone as {image}.",
    "words": "Speaks most for it: {words}",
    "album": "An album of {count}, each picture predicted together with the caption:",
    "album_alone": "An album of {count}, each picture predicted alone:",
    "right": "👍 right",
    "wrong": "👎 wrong",
    "keeps": "(A button also keeps this post for the operator of the bot.)",
    "thanks": "Thank you!",
    "old": "This answer is too old for a verdict.",
    "not_saved": "Your verdict could not be written down.",
    "command_help": "What I can read",
    "command_privacy": "What happens with what you send",
    "scheme_sentiment": "Sentiment",
    "scheme_emotion": "Emotion",
    "scheme_mikels": "Emotion",
    "scheme_plutchik": "Emotion",
    "text": "text",
    "image": "picture",
}

RUSSIAN: Mapping[str, str] = {
    "start": (
        "Здравствуйте! Пришлите мне пост: текст, картинку, картинку с подписью или альбом. Пересланные посты "
        "тоже подойдут. Я скажу, какую эмоцию выражает пост и что на неё указывает.\n\n"
        "/help – что я умею читать\n/privacy – что происходит с тем, что вы присылаете"
    ),
    "help": (
        "Я читаю тексты, картинки (как фото или как файл), картинки с подписью и альбомы: каждая "
        "картинка альбома оценивается вместе с его подписью.\n\n"
        "В ответе сказано, какую эмоцию выражает пост, насколько это вероятно и какая доля решения "
        "пришлась на текст, а какая на картинку. На маленькой картинке синие области говорят за эту "
        "метку, оранжевые – против.\n\n"
        "Это взгляд статистической модели на пост, а не на человека, который его написал. Она "
        "ошибается, чаще всего на иронии и на языках, которых видела мало."
    ),
    "privacy": (
        "То, что вы присылаете, оценивается в памяти компьютера, на котором работает бот, и забывается, как "
        "только ответ отправлен. Ни тексты, ни картинки, ни имена, ни чаты не сохраняются и не попадают в "
        "журналы; хранятся только номера отвеченных обновлений, чтобы не отвечать дважды. Сам Telegram этот "
        "чат хранит."
    ),
    "privacy_feedback": (
        "Если вы нажмёте кнопку под ответом, будут записаны время, метка и ваша оценка; ни пост, ни кто вы – "
        "не записываются."
    ),
    "privacy_keep": (
        "Если вы нажмёте кнопку под ответом, будут записаны время, метка, ваша оценка и сам пост (текст и "
        "картинка); кто вы – не записывается. Не нажимайте кнопок, и ничего не сохранится."
    ),
    "unsupported": (
        "Я читаю только тексты и картинки. Пришлите пост как текст, фото или файл с картинкой – из видео, "
        "например, один кадр."
    ),
    "too_large": (
        "Эта картинка для меня слишком велика. Пришлите не больше {most} МБ или отправьте её как фото."
    ),
    "broken": (
        "Не могу прочитать эту картинку: она повреждена или в незнакомом мне формате. Подойдут JPEG и PNG."
    ),
    "gone": "Telegram не отдал мне эту картинку. Пришлите её, пожалуйста, ещё раз.",
    "blank": "В этом посте нет ни слов, ни картинки: оценивать нечего.",
    "unreadable": "Не могу оценить этот пост: модель этого бота такие посты не читает.",
    "failed": "При оценке этого поста что-то пошло не так. Попробуйте, пожалуйста, позже.",
    "expresses": "Пост выражает: {label} ({percent})",
    "from_both": "Доля решения: текст {text}, картинка {image}",
    "from_text": "Оценка только по тексту.",
    "from_image": "Оценка только по картинке.",
    "mixed": "Текст и картинка расходятся: текст сам по себе – {text}, картинка сама по себе – {image}.",
    "words": "Больше всего за это говорит: {words}",
    "album": "Альбом, картинок: {count}; каждая оценена вместе с подписью:",
    "album_alone": "Альбом, картинок: {count}; каждая оценена сама по себе:",
    "right": "👍 верно",
    "wrong": "👎 неверно",
    "keeps": "(Кнопка также сохранит этот пост для владельца бота.)",
    "thanks": "Спасибо!",
    "old": "Этот ответ слишком старый, чтобы его оценить.",
    "not_saved": "Не удалось записать вашу оценку.",
    "command_help": "Что я умею читать",
    "command_privacy": "Что происходит с тем, что вы присылаете",
    "scheme_sentiment": "Окраска",
    "scheme_emotion": "Эмоция",
    "scheme_mikels": "Эмоция",
    "scheme_plutchik": "Эмоция",
    "text": "текст",
    "image": "картинка",
}

RUSSIAN_LABELS: Mapping[str, str] = {
    "negative": "негатив",
    "neutral": "нейтрально",
    "positive": "позитив",
    "anger": "гнев",
    "anticipation": "предвкушение",
    "disgust": "отвращение",
    "fear": "страх",
    "joy": "радость",
    "sadness": "грусть",
    "surprise": "удивление",
    "trust": "доверие",
    "amusement": "веселье",
    "awe": "восхищение",
    "contentment": "умиротворение",
    "excitement": "восторг",
}

LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "ru": RUSSIAN}


def say(language: str, key: str, **values: object) -> str:
    """Return a phrase with its values filled in."""
    return LANGUAGES[language][key].format(**values)


def label_name(language: str, label: str) -> str:
    """Return a label as people read it; one of the user's own schemes stays as it is."""
    return RUSSIAN_LABELS.get(label, label) if language == "ru" else label


def scheme_name(language: str, scheme: str) -> str:
    """Return a scheme's name as people read it."""
    return LANGUAGES[language].get(f"scheme_{scheme}", scheme)
